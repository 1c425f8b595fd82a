import { toOneLine } from '../../record/index.ts'
import { readOutput } from './child.ts'
import { lastOutputLine } from './output.ts'

/** Where git runs, and the signal that ends it. */
export interface GitContext {
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type GitResult = { state: 'ok'; output: string } | { state: 'failed'; reason: string }

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
      env: context.env,
      signal: context.signal,
      timeoutMs,
      maxBytes: maxOutputBytes,
    })
    return { state: 'ok', output: stdout.trim() }
  } catch (error) {
    if (context.signal.aborted) return { state: 'failed', reason: 'interrupted' }
    const hasOutput = error instanceof Error && 'stderr' in error && typeof error.stderr === 'string'
    const output = hasOutput ? String(error.stderr) : String(error)
    return { state: 'failed', reason: `git ${args[0] ?? ''}: ${lastOutputLine(output, maxReasonLength)}` }
  }
}

export type CommitResult = { state: 'ok'; sha: string } | { state: 'missing'; reason: string }

/** The full name of the commit that a revision names. */
export async function resolveCommit(context: GitContext, revision: string): Promise<CommitResult> {
  const flags = ['--verify', '--quiet', '--end-of-options']
  const parsed = await runGit(context, 'rev-parse', ...flags, `${revision}^{commit}`)
  const sha = parsed.state === 'ok' ? /^[0-9a-f]{40,64}$/m.exec(parsed.output)?.[0] : undefined
  if (sha !== undefined) return { state: 'ok', sha }
  if (context.signal.aborted)
    return { state: 'missing', reason: 'interrupted before the revisions were looked up' }
  const { folder } = context
  const inside = await runGit(context, 'rev-parse', '--is-inside-work-tree')
  return {
    state: 'missing',
    reason:
      inside.state === 'failed'
        ? `${folder} is not in a git repository, expected one with both revisions (or give two URLs)`
        : `${JSON.stringify(revision)} is not a revision in ${folder}, ` +
          'expected a branch, a tag or a commit (in CI: fetch it, with its history)',
  }
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
