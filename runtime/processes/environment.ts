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

/**
 * The variables that a revision under test gets of this process' environment: where programs, homes and
 * caches are, how to reach a registry, and the language. Everything else may be a secret of CI, and a change
 * that was only proposed runs its install scripts and its server here.
 */
const usualVariables: ReadonlySet<string> = new Set(
  `PATH HOME USER LOGNAME SHELL TMPDIR TMP TEMP TZ LANG LANGUAGE TERM CI NO_COLOR FORCE_COLOR
  LD_LIBRARY_PATH DYLD_LIBRARY_PATH SystemRoot ComSpec PATHEXT
  XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_RUNTIME_DIR
  HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy
  SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_ENV NODE_PATH
  npm_config_cache npm_config_registry NPM_CONFIG_CACHE NPM_CONFIG_REGISTRY
  COREPACK_HOME COREPACK_ENABLE_DOWNLOAD_PROMPT PNPM_HOME YARN_CACHE_FOLDER BUN_INSTALL
  NVM_DIR FNM_DIR FNM_MULTISHELL_PATH VOLTA_HOME ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR
  JAVA_HOME GOPATH GOROOT GOCACHE GOMODCACHE GOPROXY CARGO_HOME RUSTUP_HOME
  VIRTUAL_ENV PYTHONPATH GEM_HOME GEM_PATH BUNDLE_PATH`.split(/\s+/),
)

/** The environment of a revision under test: the usual variables, and those of the config's `target.env`. */
export function toRevisionEnvironment(
  env: NodeJS.ProcessEnv,
  own: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  const usual = Object.entries(env).filter(([name]) => usualVariables.has(name) || name.startsWith('LC_'))
  return { ...Object.fromEntries(usual), ...own }
}

/** Variables that a tool is looked for and run with. `LC_…` and those of version managers are in addition. */
const toolVariables: ReadonlySet<string> = new Set(
  `PATH HOME USER LOGNAME SHELL TMPDIR TMP TEMP TZ LANG LANGUAGE LD_LIBRARY_PATH DYLD_LIBRARY_PATH
  SSL_CERT_FILE SSL_CERT_DIR`.split(/\s+/),
)
const toolPrefixes = /^(?:LC|XDG|ASDF|MISE|AQUA|PROTO)_/
const secretName = /TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY/i

/**
 * The environment in which a tool is looked for, and in which it runs: a program that answers in one and not
 * in the other is found by `vigil doctor` and refused by a load. The program of a version manager (asdf,
 * mise) reads its version below `HOME` or a folder that its own variables name. No secrets and no proxies.
 */
export function toToolEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => toolVariables.has(name) || (toolPrefixes.test(name) && !secretName.test(name)),
    ),
  )
}

/**
 * The folder in which a tool is looked for. The program of a version manager also reads the version in the
 * current folder and in those above it: the answer must not depend on where vigil is called.
 */
export const neutralFolder = '/'
