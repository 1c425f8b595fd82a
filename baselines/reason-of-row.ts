import { isReasonCode } from './reasons.ts'
import type { ReasonCode } from './reasons.ts'
import type { VerdictRow } from './verdict.ts'

const failedMetrics: Readonly<Record<string, ReasonCode>> = {
  errorRate: 'errors-over-budget',
  requestsPerMinute: 'throughput-under-budget',
  rssBytes: 'memory-over-budget',
}

const byRule: Readonly<Record<string, Partial<Record<VerdictRow['status'], ReasonCode>>>> = {
  budget: { inconclusive: 'too-few-samples' },
  threshold: { fail: 'threshold-crossed' },
  script: { fail: 'script-failed' },
  probe: { fail: 'probe-down', inconclusive: 'probe-unknown' },
  push: { invalid: 'push-failed' },
  comparison: { fail: 'regression', inconclusive: 'undecided', invalid: 'incomparable' },
  exact: { fail: 'regression', inconclusive: 'undecided' },
  cpu: { fail: 'regression', inconclusive: 'undecided' },
  load: { fail: 'regression', invalid: 'incomparable' },
  duet: { fail: 'regression', inconclusive: 'undecided', invalid: 'incomparable' },
  baseline: { fail: 'worse-than-baseline', inconclusive: 'undecided', invalid: 'baseline-unusable' },
  anchor: { fail: 'worse-than-baseline', inconclusive: 'undecided' },
}

/**
 * The code of a row, or undefined when it passed, improved or was skipped: its own, else what its rule,
 * metric and status say.
 */
export function findReason({ code, rule, metric, status }: VerdictRow): ReasonCode | undefined {
  if (status === 'pass' || status === 'improved' || status === 'skipped') return undefined
  if (isReasonCode(code)) return code
  if (rule === 'budget' && status === 'fail') return failedMetrics[metric] ?? 'latency-over-budget'
  const known = byRule[rule]?.[status]
  if (known !== undefined) return known
  return status === 'inconclusive' ? 'undecided' : status === 'fail' ? 'regression' : 'unknown'
}
