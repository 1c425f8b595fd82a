import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where git works and what ends it. */
export interface GitPlace {
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type GitAnswer = { state: 'ran'; output: string } | { state: 'failed'; reason: string }

const limitMs = 120_000
const mostBytes = 16 * 2 ** 20

/** Runs git. Hooks of the repository do not run: they are for its user's work, not for ours. */
export async function git(place: GitPlace, ...args: readonly string[]): Promise<GitAnswer> {
  try {
    const { stdout } = await run('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
      cwd: place.folder,
      env: place.env,
      signal: place.signal,
      timeout: limitMs,
      maxBuffer: mostBytes,
    })
    return { state: 'ran', output: stdout.trim() }
  } catch (error) {
    if (place.signal.aborted) return { state: 'failed', reason: 'interrupted' }
    const said =
      error instanceof Error && 'stderr' in error && typeof error.stderr === 'string'
        ? error.stderr
        : String(error)
    return {
      state: 'failed',
      reason: `git ${args[0] ?? ''}: ${(said.split('\n').findLast((line) => line.trim() !== '') ?? '')
        .replaceAll(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, 200)}`,
    }
  }
}

export type FoundCommit = { state: 'found'; sha: string } | { state: 'unknown'; reason: string }

/** The full name of the commit that a revision names. */
export async function commitOf(place: GitPlace, revision: string): Promise<FoundCommit> {
  const found = await git(
    place,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${revision}^{commit}`,
  )
  const sha = found.state === 'ran' ? /^[0-9a-f]{40,64}$/m.exec(found.output)?.[0] : undefined
  if (sha !== undefined) return { state: 'found', sha }
  if (place.signal.aborted)
    return { state: 'unknown', reason: 'interrupted before the revisions were looked up' }
  const inside = await git(place, 'rev-parse', '--is-inside-work-tree')
  if (inside.state === 'failed')
    return {
      state: 'unknown',
      reason: `${place.folder} is not in a git repository, expected one to compare revisions of (or give two URLs)`,
    }
  return {
    state: 'unknown',
    reason: `${JSON.stringify(revision)} is no revision in ${place.folder}, expected a branch, a tag or a commit (in CI: fetch it, with its history)`,
  }
}

/** The first line of a commit's message, for people. */
export async function subjectOf(place: GitPlace, sha: string): Promise<string> {
  const shown = await git(place, 'show', '--no-patch', '--format=%s', sha)
  return shown.state === 'ran'
    ? (shown.output.split('\n')[0] ?? '').replaceAll(/\p{Cc}/gu, ' ').slice(0, 100)
    : ''
}
