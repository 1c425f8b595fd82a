import type { KnownChange } from '../../../baselines/duet/index.ts'
import { readCommitSubject } from '../../../load/duet/index.ts'
import type { BisectTrial, Culprit, CommitOutcome } from '../../../load/duet/index.ts'
import type { Session } from '../../shared/session.ts'
import type { Line } from './bisect-line.ts'
import { gitPlace } from './sides.ts'

/** One commit between good and bad. */
export interface Commit {
  sha: string
  subject: string
}

/** `vigil.bisect/1`: which commit made it slower, and how that was found. */
export interface BisectReport {
  schema: 'vigil.bisect/1'
  good: string
  bad: string
  commits: number
  /** What is worse between the ends: what each commit was asked for. */
  known: KnownChange & { message: string }
  culprit:
    | Exclude<Culprit, { state: 'found' } | { state: 'among' }>
    | { state: 'found'; commit: Commit }
    | { state: 'among'; commits: Commit[]; why: string }
  attempts: (Commit & { tried: CommitOutcome; reason?: string })[]
  wallSeconds: number
}

const gitMs = 10_000

/** What the search came to, with the commits by name. Names are looked up even when the search was interrupted. */
export async function reportOf(
  session: Session,
  { good, commits }: Line,
  known: BisectReport['known'],
  culprit: Culprit,
  attempts: readonly BisectTrial[],
  wallSeconds: number,
): Promise<BisectReport> {
  const place = { ...gitPlace(session), signal: AbortSignal.timeout(gitMs) }
  const commitAt = async (index: number): Promise<Commit> => ({
    sha: commits[index] ?? '',
    subject: await readCommitSubject(place, commits[index] ?? ''),
  })
  const told = async (): Promise<BisectReport['culprit']> => {
    switch (culprit.state) {
      case 'found':
        return { state: 'found', commit: await commitAt(culprit.index) }
      case 'among':
        return {
          state: 'among',
          commits: await Promise.all(
            Array.from({ length: culprit.to - culprit.from + 1 }, async (_, index) =>
              commitAt(culprit.from + index),
            ),
          ),
          why: culprit.why,
        }
      case 'interrupted':
        return culprit
    }
  }
  const tried = await Promise.all(
    attempts.map(async (attempt) => ({ ...(await commitAt(attempt.index)), tried: attempt.outcome })),
  )
  return {
    schema: 'vigil.bisect/1',
    good,
    bad: commits.at(-1) ?? '',
    commits: commits.length,
    known,
    culprit: await told(),
    attempts: tried,
    wallSeconds: Math.round(wallSeconds),
  }
}
