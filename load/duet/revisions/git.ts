import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { lastOutputLine } from '../../../runtime/processes/index.ts'
import { toOneLine } from '../../../record/index.ts'

const run = promisify(execFile)

/** Where git works and what ends it. */
export interface GitContext {
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type GitResult = { state: 'ok'; output: string } | { state: 'failed'; reason: string }

const limitMs = 120_000
const mostBytes = 16 * 2 ** 20

/** Runs git. Hooks of the repository do not run: they are for its user's work, not for ours. */
export async function runGit(place: GitContext, ...args: readonly string[]): Promise<GitResult> {
  try {
    const { stdout } = await run('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
      cwd: place.folder,
      env: place.env,
      signal: place.signal,
      timeout: limitMs,
      maxBuffer: mostBytes,
    })
    return { state: 'ok', output: stdout.trim() }
  } catch (error) {
    if (place.signal.aborted) return { state: 'failed', reason: 'interrupted' }
    const said =
      error instanceof Error && 'stderr' in error && typeof error.stderr === 'string'
        ? error.stderr
        : String(error)
    return {
      state: 'failed',
      reason: `git ${args[0] ?? ''}: ${lastOutputLine(said, 200)}`,
    }
  }
}

export type CommitResult = { state: 'ok'; sha: string } | { state: 'missing'; reason: string }

/** The full name of the commit that a revision names. */
export async function resolveCommit(place: GitContext, revision: string): Promise<CommitResult> {
  const found = await runGit(
    place,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${revision}^{commit}`,
  )
  const sha = found.state === 'ok' ? /^[0-9a-f]{40,64}$/m.exec(found.output)?.[0] : undefined
  if (sha !== undefined) return { state: 'ok', sha }
  if (place.signal.aborted)
    return { state: 'missing', reason: 'interrupted before the revisions were looked up' }
  const inside = await runGit(place, 'rev-parse', '--is-inside-work-tree')
  if (inside.state === 'failed')
    return {
      state: 'missing',
      reason: `${place.folder} is not in a git repository, expected one to compare revisions of (or give two URLs)`,
    }
  return {
    state: 'missing',
    reason: `${JSON.stringify(revision)} is no revision in ${place.folder}, expected a branch, a tag or a commit (in CI: fetch it, with its history)`,
  }
}

/** The first line of a commit's message, for people. */
export async function readCommitSubject(place: GitContext, sha: string): Promise<string> {
  const shown = await runGit(place, 'show', '--no-patch', '--format=%s', sha)
  return shown.state === 'ok' ? toOneLine(shown.output.split('\n')[0] ?? '', 100) : ''
}
