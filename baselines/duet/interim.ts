import { defaultAnalysisPairs, planInterimAnalyses } from '../compare/index.ts'
import type { InterimAnalysis } from '../compare/index.ts'
import { formatChange } from '../compare/wording.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { isMostlyFailed } from '../verdict.ts'
import type { DuetUnits } from './units.ts'

/**
 * How many pairs a duet takes when its outcome stays open, and how many it may be extended to while there is
 * time.
 */
export const duetPairs = { usual: 24, extended: 48 } as const

/** `extends`: an analysis after more pairs than were planned, of a duet that is still undecided. */
export interface DuetAnalysis extends InterimAnalysis {
  extends: boolean
}

/**
 * When a duet of this many pairs is analysed. The error of all analyses is that of one comparison, so they
 * are fixed before it begins; the last is only reached by a duet that is still undecided.
 *
 * @param pairs planned; a duet may go on to twice as many
 */
export function planDuetAnalyses(pairs: number = duetPairs.usual): DuetAnalysis[] {
  const planned = Math.max(8, Math.round(pairs))
  const most = planned * (duetPairs.extended / duetPairs.usual)
  const analyses = planInterimAnalyses(
    [...defaultAnalysisPairs.filter((count) => count < planned), planned, most],
    undefined,
    undefined,
    (planned * 2) / 3,
  )
  return analyses.map((one) => ({ ...one, extends: one.pairs > planned }))
}

/** Whether a duet can end. Before the planned number of pairs, a pass must have judged every step. */
export function isDecided(verdict: Verdict, look: InterimAnalysis, planned: number): boolean {
  switch (verdict.verdict) {
    case 'fail':
      return true
    // More pairs do not help: sides that make different requests, a saturated generator.
    case 'invalid':
      return true
    case 'inconclusive':
      return false
    case 'pass':
      return look.pairs >= planned || verdict.rows.every(needsNoMorePairs)
  }
}

// A step's p95 with too few requests stays undecided however many pairs follow.
function needsNoMorePairs(row: VerdictRow): boolean {
  return (
    row.status !== 'skipped' || row.rule !== 'comparison' || row.ratio === undefined || row.metric === 'p99Ms'
  )
}

/**
 * Whether a pair of processes could have caused a fail: two copies of one code differ by a per cent, and by
 * chance more; and how many rows an answer has can depend on earlier errors. Statements depend on the code
 * alone.
 */
export function needsConfirmation(verdict: Verdict): boolean {
  return (
    verdict.verdict === 'fail' &&
    !verdict.rows.some((row) => row.status === 'fail' && row.rule === 'exact' && row.metric === 'statements')
  )
}

/** The error that a confirmation may spend: it repeats one test whose result is known. */
export const confirmationAlpha = 0.05

/**
 * The error of a confirmation by units of half the length. With twice as many pairs, it would find a
 * difference of 2 % between two processes more often at the same error: in 37 of 240 simulated confirmations,
 * and not in 22. With half of the error it is 22 again, and still finds +5 % more often (158 against 131).
 */
export const shortConfirmationAlpha = 0.025

/**
 * Whether a fresh pair of processes fails where the first one did: at the same step, in the same kind of
 * figure.
 */
export function confirms(first: Verdict, second: Verdict): boolean {
  const failed = new Set(first.rows.filter((row) => row.status === 'fail').map(toPlaceKey))
  return second.rows.some((row) => row.status === 'fail' && failed.has(toPlaceKey(row)))
}

function toPlaceKey({ rule, step, metric }: VerdictRow): string {
  return `${rule} ${step ?? ''} ${/^p\d+Ms$/.test(metric) ? 'latency' : metric}`
}

/** What the fresh pair of processes showed: of `planned` pairs of units, `pairs` were measured. */
export interface Confirmation {
  verdict: Verdict
  pairs: number
  planned: number
}

/**
 * The verdict over both pairs of processes when the fresh one did not repeat the first one's fail: a fail
 * must repeat. If the time ran out before it could, that is the reason, and no sign that the fail was chance.
 */
export function toUnconfirmed(verdict: Verdict, confirmation: Confirmation): Verdict {
  const rows = verdict.rows.map((row) =>
    row.status === 'fail'
      ? {
          ...row,
          status: 'inconclusive' as const,
          message:
            `${row.message}; seen on one pair of processes, ` +
            `but ${describeConfirmation(row, confirmation)}`,
        }
      : row,
  )
  return { ...verdict, verdict: verdict.verdict === 'fail' ? 'inconclusive' : verdict.verdict, rows }
}

function describeConfirmation(failed: VerdictRow, { verdict, pairs, planned }: Confirmation): string {
  const repeated = verdict.rows.find(
    ({ rule, step, metric }) => rule === failed.rule && step === failed.step && metric === failed.metric,
  )
  const shown = repeated?.ratio === undefined || pairs === 0 ? '' : ` (there ${formatChange(repeated.ratio)})`
  return pairs < planned
    ? `the time ran out after ${pairs} of ${planned} pairs on a fresh one${shown}`
    : `not again on a fresh one${shown}`
}

/** The known loss between the ends of a bisect, and its size: each commit between them is tested for it. */
export type KnownChange = Pick<VerdictRow, 'rule' | 'step' | 'metric' | 'ratio' | 'candidate' | 'baseline'>

/**
 * The row of a fail that separates commits best: what is counted exactly, else the strongest evidence with an
 * interval.
 */
export function selectBisectRow(failed: Verdict): KnownChange | undefined {
  const rows = failed.rows.filter((row) => row.status === 'fail')
  return (
    rows.find((row) => row.rule === 'exact') ??
    rows.find((row) => row.ci !== undefined && row.ratio !== undefined) ??
    rows[0]
  )
}

/**
 * Whether a commit is on the good or the bad side of a known change: on which side of its midpoint, on the
 * log scale, the commit's own interval is. That takes fewer pairs than showing a loss at all, since the size
 * of the loss is known. Undefined while the interval contains the midpoint.
 */
export function compareWithKnownChange(known: KnownChange, verdict: Verdict): 'good' | 'bad' | undefined {
  const row = verdict.rows.find(
    (one) => one.rule === known.rule && one.step === known.step && one.metric === known.metric,
  )
  if (row === undefined) return undefined
  const midpoint = known.ratio === undefined || known.ratio <= 0 ? undefined : Math.sqrt(known.ratio)
  if (known.rule === 'exact') return classifyByCount(known, row)
  if (row.ci !== undefined && midpoint !== undefined) {
    const [low, high] = row.ci
    if (known.ratio !== undefined && known.ratio < 1)
      return high < midpoint ? 'bad' : low > midpoint ? 'good' : undefined
    return low > midpoint ? 'bad' : high < midpoint ? 'good' : undefined
  }
  // Errors have no interval: a fail counts as bad, and fewer than half of the known ones as good.
  if (row.status === 'fail') return 'bad'
  return (row.candidate ?? 0) < ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2 && row.status === 'pass'
    ? 'good'
    : undefined
}

function classifyByCount(known: KnownChange, row: VerdictRow): 'good' | 'bad' {
  const midpoint = ((known.baseline ?? 0) + (known.candidate ?? 0)) / 2
  return (row.candidate ?? 0) > midpoint === (known.candidate ?? 0) > midpoint ? 'bad' : 'good'
}

/**
 * Whether a commit fails most of its requests while the other side does not: it cannot be classified by the
 * rest, since a fast error page would count as good. Errors that the search is for are its answer.
 */
export function failsRequests(
  known: Pick<KnownChange, 'metric'>,
  { candidate }: Pick<DuetUnits, 'candidate'>,
): boolean {
  const sum = (pick: 'requests' | 'errors'): number =>
    candidate.reduce((total, { totals }) => total + totals[pick], 0)
  return known.metric !== 'errorRate' && isMostlyFailed({ requests: sum('requests'), errors: sum('errors') })
}
