import { toOneLine } from '../../record/index.ts'
import { readOutput } from './child.ts'
import { findCauseLine } from './output.ts'

/** Where git runs, and the signal that ends it. */
export interface GitContext {
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/** `errors`: all that git wrote to its standard error. */
export type GitResult = { state: 'ok'; output: string } | { state: 'failed'; reason: string; errors: string }

const options = ['--no-optional-locks', '-c', 'core.hooksPath=/dev/null']
const timeoutMs = 120_000
const maxOutputBytes = 16 * 2 ** 20
const maxReasonLength = 200
const maxSubjectLength = 100

/**
 * Runs git without the repository's hooks: they are for its user's work, not for vigil's. Nor does it refresh
 * the index meanwhile, for which another git of the user may hold the lock.
 */
export async function runGit(context: GitContext, ...args: readonly string[]): Promise<GitResult> {
  try {
    const stdout = await readOutput('git', [...options, ...args], {
      cwd: context.folder,
      // Its messages are read.
      env: { ...context.env, LC_ALL: 'C', LANGUAGE: '' },
      signal: context.signal,
      timeoutMs,
      maxBytes: maxOutputBytes,
    })
    return { state: 'ok', output: stdout.trim() }
  } catch (error) {
    if (context.signal.aborted) return { state: 'failed', reason: 'interrupted', errors: '' }
    const hasOutput = error instanceof Error && 'stderr' in error && typeof error.stderr === 'string'
    const output = hasOutput ? String(error.stderr) : String(error)
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const line = isMissing ? 'the program git is missing' : findCauseLine(output, maxReasonLength)
    return { state: 'failed', reason: `git ${args[0] ?? ''}: ${line}`, errors: output }
  }
}

/** `missing`: there is no such revision; `unavailable`: git cannot say here, or lacks the history for it. */
export type CommitResult =
  | { state: 'ok'; sha: string }
  | { state: 'missing'; reason: string }
  | { state: 'unavailable'; reason: string }

/** The full name of the commit that a revision names. */
export async function resolveCommit(context: GitContext, revision: string): Promise<CommitResult> {
  const parsed = await runGit(context, ...parse, `${revision}^{commit}`)
  const sha = parsed.state === 'ok' ? findSha(parsed.output) : undefined
  if (sha !== undefined) return { state: 'ok', sha }
  if (context.signal.aborted)
    return { state: 'unavailable', reason: 'interrupted before the revisions were looked up' }
  const { folder } = context
  const inside = await runGit(context, 'rev-parse', '--is-inside-work-tree')
  if (inside.state === 'failed') return explainNoRepository(folder, inside)
  if (await isShallow(context))
    return {
      state: 'unavailable',
      reason: `${JSON.stringify(revision)} is not in the shallow clone ${folder}: ${shallowAdvice}`,
    }
  return {
    state: 'missing',
    reason:
      `${JSON.stringify(revision)} is not a revision in ${folder}, ` +
      'expected a branch, a tag or a commit (in CI: fetch it, with its history)',
  }
}

const parse = ['rev-parse', '--verify', '--quiet', '--end-of-options'] as const
const shallowAdvice =
  'fetch the whole history (actions/checkout: fetch-depth: 0; elsewhere: git fetch --unshallow)'

function findSha(output: string): string | undefined {
  return /^[0-9a-f]{40,64}$/m.exec(output)?.[0]
}

async function isShallow(context: GitContext): Promise<boolean> {
  const shallow = await runGit(context, 'rev-parse', '--is-shallow-repository')
  return shallow.state === 'ok' && shallow.output === 'true'
}

/** Git refuses a checkout that belongs to another user, as a container's volume often does. */
function explainNoRepository(
  folder: string,
  { reason, errors }: Extract<GitResult, { state: 'failed' }>,
): Exclude<CommitResult, { state: 'ok' }> {
  const owned = /dubious ownership in repository at '([^']*)'/.exec(errors)?.[1]
  if (owned !== undefined)
    return {
      state: 'unavailable',
      reason:
        `git refuses ${owned}, because it belongs to another user (dubious ownership): make this user its ` +
        `owner, or run git config --global --add safe.directory ${owned}`,
    }
  if (/not a git repository/i.test(errors))
    return {
      state: 'missing',
      reason: `${folder} is not in a git repository, expected one with both revisions (or give two URLs)`,
    }
  return { state: 'unavailable', reason: `git cannot be used in ${folder}: ${reason}` }
}

/**
 * The commit that a change is compared with; CI fetches it if it is missing. A base that is a branch means
 * its merge base with the candidate: the tip may have changes that the candidate lacks, and would blame it
 * for them.
 *
 * @param candidate a commit, or `HEAD` for the work tree
 * @param isTip the tip of a branch, and not its merge base
 */
export async function resolveBase(
  context: GitContext,
  base: string,
  candidate: string,
  isTip = false,
): Promise<CommitResult> {
  const find = async (): Promise<CommitResult> => findBase(context, base, candidate, isTip)
  const found = await find()
  if (found.state === 'ok' || !(await fetchHistory(context, base, candidate, find))) return found
  return find()
}

async function findBase(
  context: GitContext,
  base: string,
  candidate: string,
  isTip: boolean,
): Promise<CommitResult> {
  const tip = await resolveCommit(context, base)
  if (isTip || tip.state !== 'ok' || !(await isBranch(context, base))) return tip
  const merged = await runGit(context, 'merge-base', tip.sha, candidate)
  const sha = merged.state === 'ok' ? findSha(merged.output) : undefined
  if (sha !== undefined) return { state: 'ok', sha }
  if (context.signal.aborted)
    return { state: 'unavailable', reason: 'interrupted before the revisions were looked up' }
  const why = (await isShallow(context))
    ? `is not in the shallow clone ${context.folder}: ${shallowAdvice}`
    : 'does not exist: name a commit they share, or compare with the tip of the branch by --base-tip'
  return {
    state: 'unavailable',
    reason: `the merge base of ${JSON.stringify(base)} and the candidate ${why}`,
  }
}

/** Commits to fetch below each tip, before the whole history is fetched. */
const fetchSteps = [['--depth=50'], ['--deepen=200'], ['--deepen=1000'], ['--unshallow']] as const

/**
 * Fetches the base, and in a shallow clone as much history as its merge base with the candidate needs. Only
 * in CI, whose clone is thrown away: a user's clone stays as it is. Returns whether anything was fetched.
 */
async function fetchHistory(
  context: GitContext,
  base: string,
  candidate: string,
  find: () => Promise<CommitResult>,
): Promise<boolean> {
  const { env } = context
  if (!env['CI'] || env['CI'] === 'false' || context.signal.aborted) return false
  // No one could enter a password.
  const quiet = { ...context, env: { ...env, GIT_TERMINAL_PROMPT: '0' } }
  const fetched = async (...args: string[]): Promise<boolean> =>
    (await runGit(quiet, 'fetch', '--quiet', '--no-tags', '--no-recurse-submodules', ...args)).state === 'ok'
  const branch = /^(?:refs\/remotes\/)?origin\/(.+)$/.exec(base)?.[1]
  if (branch === undefined) {
    const wanted = /^[0-9a-f]{40,64}$/.test(base) ? base : `+refs/tags/${base}:refs/tags/${base}`
    return fetched(...((await isShallow(quiet)) ? ['--depth=1'] : []), 'origin', wanted)
  }
  const refspec = `+refs/heads/${branch}:refs/remotes/origin/${branch}`
  if (!(await isShallow(quiet))) return fetched('origin', refspec)
  const head = await runGit(quiet, 'rev-parse', '--verify', '--quiet', `${candidate}^{commit}`)
  const tips = head.state === 'ok' ? [refspec, head.output] : [refspec]
  let hasFetched = false
  for (const step of fetchSteps) {
    // Some servers refuse to send a commit by its name.
    const isFetched =
      (await fetched(...step, 'origin', ...tips)) || (await fetched(...step, 'origin', refspec))
    hasFetched ||= isFetched
    if (isFetched && (await find()).state === 'ok') return true
    if (!isFetched && !hasFetched) return false
  }
  return hasFetched
}

/** A local or remote branch by any of its names; `HEAD` is the commit that is checked out. */
async function isBranch(context: GitContext, revision: string): Promise<boolean> {
  if (revision === 'HEAD' || revision === '@') return false
  const named = await runGit(context, 'rev-parse', '--symbolic-full-name', '--end-of-options', revision)
  return named.state === 'ok' && /^refs\/(?:heads|remotes)\//m.test(named.output)
}

/** The first line of a commit's message, for people. */
export async function readCommitSubject(context: GitContext, sha: string): Promise<string> {
  const shown = await runGit(context, 'show', '--no-patch', '--format=%s', sha)
  return shown.state === 'ok' ? toOneLine(shown.output.split('\n')[0] ?? '', maxSubjectLength) : ''
}

/** The git revision of a folder, and whether its files differ from it; empty without git or a repository. */
export async function readRevision(
  context: GitContext,
): Promise<{ revision: string; dirty: boolean } | { revision?: never; dirty?: never }> {
  const [revision, changes] = await Promise.all([
    runGit(context, 'rev-parse', 'HEAD'),
    runGit(context, 'status', '--porcelain', '--untracked-files=no'),
  ])
  if (revision.state === 'failed' || changes.state === 'failed') return {}
  return { revision: revision.output, dirty: changes.output !== '' }
}
