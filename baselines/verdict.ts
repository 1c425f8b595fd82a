/** A judgement as flat rows that say why, `vigil.verdict/1`. */
export interface Verdict {
  schema: 'vigil.verdict/1'
  verdict: VerdictWord
  rows: VerdictRow[]
  /** Id of the run judged. */
  run?: string
  /** What it was held against. */
  baseline?: string
}

export type VerdictWord = 'pass' | 'fail' | 'inconclusive' | 'invalid'
export type RowStatus = 'pass' | 'fail' | 'improved' | 'inconclusive' | 'invalid' | 'skipped'

export interface VerdictRow {
  /** Which promise: `budget`, `validity`, `probe`, … */
  rule: string
  /** Suite the row belongs to, where one verdict holds several. */
  suite?: string
  /** `journey/step`, or null for the whole run. */
  step: string | null
  /** The budget's or record's field name: `p95Ms`, `errorRate`, … */
  metric: string
  status: RowStatus
  actual?: number
  limit?: number
  baseline?: number
  candidate?: number
  ratio?: number
  ci?: [number, number]
  margin?: number
  /** The rule again with the actual value in it. */
  message: string
}

/** A verdict is invalid if its run is; else fail if a row fails; else inconclusive if a row is; else pass. No rows: invalid. */
export function verdictOf(rows: readonly VerdictRow[]): VerdictWord {
  const has = (status: RowStatus): boolean => rows.some((row) => row.status === status)
  if (has('invalid') || !rows.some((row) => row.status !== 'skipped')) return 'invalid'
  if (has('fail')) return 'fail'
  return has('inconclusive') ? 'inconclusive' : 'pass'
}
