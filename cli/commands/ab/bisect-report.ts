import type { KnownChange } from '../../../baselines/duet/index.ts'
import { readCommitSubject } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import type { BisectTrial, CommitOutcome, Culprit } from '../../../load/duet/index.ts'

/** What a bisect searches. */
export interface CommitRange {
  good: string
  bad: string
  /** From the one after `good` to `bad`. */
  commits: string[]
}

/** One commit between good and bad. */
export interface Commit {
  sha: string
  subject: string
}

/** `vigil.bisect/1`: which commit caused the slowdown, and how it was found. */
export interface BisectReport {
  schema: 'vigil.bisect/1'
  good: string
  bad: string
  commits: number
  /** What is worse at the bad end: what each commit was tested for. */
  known: KnownChange & { message: string }
  culprit:
    | Exclude<Culprit, { state: 'found' } | { state: 'among' }>
    | { state: 'found'; commit: Commit }
    | { state: 'among'; commits: Commit[]; why: string }
  attempts: (Commit & { tried: CommitOutcome; reason?: string })[]
  wallSeconds: number
}

interface BisectResult extends Pick<BisectReport, 'known' | 'wallSeconds'> {
  culprit: Culprit
  attempts: readonly BisectTrial[]
}

const gitTimeoutMs = 10_000

/**
 * The result of a search, with the names of the commits, which are read even if the search was interrupted.
 */
export async function toBisectReport(
  repository: GitContext,
  { good, bad, commits }: CommitRange,
  { known, culprit, attempts, wallSeconds }: BisectResult,
): Promise<BisectReport> {
  const git = { ...repository, signal: AbortSignal.timeout(gitTimeoutMs) }
  const commitAt = async (index: number): Promise<Commit> => ({
    sha: commits[index] ?? '',
    subject: await readCommitSubject(git, commits[index] ?? ''),
  })
  return {
    schema: 'vigil.bisect/1',
    good,
    bad,
    commits: commits.length,
    known,
    culprit: await nameCulprit(culprit, commitAt),
    attempts: await Promise.all(
      attempts.map(async ({ index, outcome }) => ({ ...(await commitAt(index)), tried: outcome })),
    ),
    wallSeconds: Math.round(wallSeconds),
  }
}

async function nameCulprit(
  culprit: Culprit,
  commitAt: (index: number) => Promise<Commit>,
): Promise<BisectReport['culprit']> {
  switch (culprit.state) {
    case 'found':
      return { state: 'found', commit: await commitAt(culprit.index) }
    case 'among': {
      const { from, to, why } = culprit
      const indexes = Array.from({ length: to - from + 1 }, (_, offset) => from + offset)
      return { state: 'among', commits: await Promise.all(indexes.map(commitAt)), why }
    }
    case 'interrupted':
      return culprit
  }
}
