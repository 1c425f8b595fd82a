import { defaultAnalysisPairs, planInterimAnalyses } from '../compare/index.ts'
import type { InterimAnalysis } from '../compare/index.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'

/** How many pairs a duet takes when its outcome stays open, and how many it may be extended to while there is time. */
export const duetPairs = { usual: 24, extended: 48 } as const

/** A look; `extends`: at what was still open after the pairs that were asked for. */
export interface DuetAnalysis extends InterimAnalysis {
  extends: boolean
}

/**
 * When a duet of so many pairs is looked at. The error of all looks is that of one comparison, so they are settled before
 * it begins; the last one is only reached by what is still open.
 *
 * @param pairs planned; a duet may go on to twice as many
 */
export function planDuetAnalyses(pairs: number = duetPairs.usual): DuetAnalysis[] {
  const planned = Math.max(8, Math.round(pairs))
  const most = planned * (duetPairs.extended / duetPairs.usual)
  const looks = planInterimAnalyses(
    [...defaultAnalysisPairs.filter((count) => count < planned), planned, most],
    undefined,
    undefined,
    (planned * 2) / 3,
  )
  return looks.map((look) => ({ ...look, extends: look.pairs > planned }))
}

/** After how many pairs every step has had its chance: before, a pass must vouch for each. */
export function isDecided(verdict: Verdict, look: InterimAnalysis, planned: number): boolean {
  switch (verdict.verdict) {
    case 'fail':
      return true
    // It will not get better: sides that make different requests, a generator that cannot keep up.
    case 'invalid':
      return true
    case 'inconclusive':
      return false
    case 'pass':
      return look.pairs >= planned || verdict.rows.every(needsNoMorePairs)
  }
}

// What cannot be told of a step's p95 for want of requests will not be told later either.
function needsNoMorePairs(row: VerdictRow): boolean {
  return (
    row.status !== 'skipped' || row.rule !== 'comparison' || row.ratio === undefined || row.metric === 'p99Ms'
  )
}

/**
 * Whether a pair of processes could be to blame for a fail: two copies of one code differ by a per cent, and by chance more;
 * and how many rows an answer has can depend on what went wrong before it. Statements depend on the code alone.
 */
export function needsConfirmation(verdict: Verdict): boolean {
  return (
    verdict.verdict === 'fail' &&
    !verdict.rows.some((row) => row.status === 'fail' && row.rule === 'exact' && row.metric === 'statements')
  )
}

/** The error that a confirmation may spend: it asks one question, which has been answered once. */
export const confirmationAlpha = 0.05

/** Whether a fresh pair of processes fails where the first one did: at the same step, in the same kind of figure. */
export function confirms(first: Verdict, second: Verdict): boolean {
  const failed = new Set(first.rows.filter((row) => row.status === 'fail').map(toPlaceKey))
  return second.rows.some((row) => row.status === 'fail' && failed.has(toPlaceKey(row)))
}

function toPlaceKey({ rule, step, metric }: VerdictRow): string {
  return `${rule} ${step ?? ''} ${/^p\d+Ms$/.test(metric) ? 'latency' : metric}`
}

/** The verdict over both pairs of processes when the fresh one did not show what the first one had: nothing is red that did not come again. */
export function toUnconfirmed(verdict: Verdict): Verdict {
  const rows = verdict.rows.map((row) =>
    row.status === 'fail'
      ? {
          ...row,
          status: 'inconclusive' as const,
          message: `${row.message}; seen on one pair of processes, but not again on a fresh one`,
        }
      : row,
  )
  return { ...verdict, verdict: verdict.verdict === 'fail' ? 'inconclusive' : verdict.verdict, rows }
}
