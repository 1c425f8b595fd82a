import { compareRuns, comparisonDefaults } from '../compare/index.ts'
import type { ComparisonOptions } from '../compare/index.ts'
import { compareErrors } from '../compare/errors.ts'
import { judgeExactCounts } from '../exact/index.ts'
import type { ExactRules } from '../exact/index.ts'
import { toVerdictWord } from '../verdict.ts'
import type { RowStatus, Verdict, VerdictRow } from '../verdict.ts'
import { judgeCpu } from './cpu.ts'
import { judgeLoad } from './load.ts'
import type { DuetUnits } from './units.ts'

export interface DuetRules extends ComparisonOptions {
  exact?: ExactRules
  cpuMargin?: number
}

const worstFirst: RowStatus[] = ['invalid', 'fail', 'inconclusive', 'improved', 'pass', 'skipped']

/**
 * Judges what a duet has measured so far: its pairs as any comparison does (`compareRuns`), and in addition
 * what noise cannot move, CPU time, and whether the load was what it should be. Pure: `vigil compare` gives
 * the same verdict for the same records.
 */
export function judgeDuet(units: DuetUnits, rules: DuetRules = {}): Verdict {
  const compared = compareRuns(units.baseline, units.candidate, rules)
  const { alpha = comparisonDefaults.alpha, confidence = comparisonDefaults.confidence } = rules
  const cpu = judgeCpu(units, {
    alpha,
    confidence,
    ...(rules.cpuMargin !== undefined && { margin: rules.cpuMargin }),
  })
  const rows = [
    ...failUnreachedSteps(compared.rows, units, alpha),
    ...judgeLoad(units),
    ...cpu,
    ...judgeExactCounts(units.exact, rules.exact),
  ]
  const sorted = rows.toSorted((a, b) => worstFirst.indexOf(a.status) - worstFirst.indexOf(b.status))
  return { ...compared, verdict: toVerdictWord(sorted), rows: sorted }
}

/**
 * A step that the candidate never reached, because it fails before in every journey, cannot be compared; but
 * that is the candidate's failure and not the measurement's.
 */
function failUnreachedSteps(rows: readonly VerdictRow[], units: DuetUnits, alpha: number): VerdictRow[] {
  const invalid = rows.filter((row) => row.status === 'invalid')
  if (invalid.length === 0 || invalid.some((row) => row.step === null || row.metric !== 'requests'))
    return [...rows]
  const errors = compareErrors(units.baseline, units.candidate)
  const broken =
    errors.pValue <= alpha &&
    errors.candidate / errors.candidateRequests > errors.baseline / errors.baselineRequests
  if (!broken) return [...rows]
  const words =
    `${errors.baseline} of ${errors.baselineRequests} → ${errors.candidate} of ` +
    `${errors.candidateRequests} requests fail`
  return rows.map((row) =>
    row.status === 'invalid'
      ? {
          ...row,
          status: 'fail' as const,
          message:
            `${row.step ?? ''} is never reached on the candidate, because steps before it fail ` +
            `(${words})`,
        }
      : row,
  )
}
