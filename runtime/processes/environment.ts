/**
 * Git's variables that belong to one repository (`git rev-parse --local-env-vars`, of git 2.30 to 2.52), and
 * the folder of a push that is not accepted yet. Git sets them for its hooks: with `GIT_INDEX_FILE` inherited
 * from `git commit -a`, a checkout elsewhere writes the index of that commit, and the commit then reverts the
 * one before it.
 */
const gitVariables: ReadonlySet<string> = new Set([
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_CONFIG',
  'GIT_CONFIG_COUNT',
  'GIT_CONFIG_PARAMETERS',
  'GIT_DIR',
  'GIT_GRAFT_FILE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_NAMESPACE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_REPLACE_REF_BASE',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
])

/** The environment that a child gets for one that was asked for: without git's variables of a repository. */
export function toChildEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !gitVariables.has(name)))
}
