import { z } from 'zod'
import { openObject } from '../record/documents/index.ts'
import type { Known } from '../record/documents/index.ts'
import type { Totals } from '../record/index.ts'

const verdictWord = z.enum(['pass', 'fail', 'inconclusive', 'invalid'])
export type VerdictWord = z.infer<typeof verdictWord>

const rowStatus = z.enum(['pass', 'fail', 'improved', 'inconclusive', 'invalid', 'skipped'])
export type RowStatus = z.infer<typeof rowStatus>

const verdictRow = {
  /** What was judged: `budget`, `validity`, `probe`, … */
  rule: z.string(),
  /** Suite the row belongs to, where one verdict holds several. */
  suite: z.string().exactOptional(),
  /** `journey/step`, or null for the overall run. */
  step: z.string().nullable(),
  /** The budget's or record's field name: `p95Ms`, `errorRate`, … */
  metric: z.string(),
  /** The result of this rule. */
  status: rowStatus,
  /** Why it is not a pass: a code of the table of reasons. */
  code: z.string().exactOptional(),
  /** The measured value, for a limit. */
  actual: z.number().exactOptional(),
  /** The limit: a budget. */
  limit: z.number().exactOptional(),
  /** How many answers, requests or, in a comparison, pairs it needs in all to be judged. */
  needed: z.number().exactOptional(),
  baseline: z.number().exactOptional().describe('The value that was compared with.'),
  /** The value that was judged. */
  candidate: z.number().exactOptional(),
  /** `candidate` / `baseline`, as estimated from the pairs. */
  ratio: z.number().exactOptional(),
  /** Confidence interval of the ratio. */
  ci: z.tuple([z.number(), z.number()]).exactOptional(),
  /** Accepted change: 0.05 is 5 %. */
  margin: z.number().exactOptional(),
  /** Smallest ratio that it would have called a fail, eight times in ten; missing for a fail. */
  detectable: z.number().exactOptional(),
  /** The rule again with the actual value in it. */
  message: z.string(),
}
export type VerdictRow = Known<typeof verdictRow>

const verdict = {
  /** Name and version of the document. */
  schema: z.literal('vigil.verdict/1'),
  /** The result of all rows: see [exit codes](exit-codes.md). */
  verdict: verdictWord,
  /** What was judged, and with which result. */
  rows: z.array(openObject(verdictRow)),
  /** Id of the run judged. */
  run: z.string().exactOptional(),
  baseline: z.string().exactOptional().describe('Name of what it was compared with.'),
}
/** A judgement as flat rows that give the reasons, `vigil.verdict/1`. */
export type Verdict = Known<typeof verdict>
export const verdictSchema = openObject(verdict)

/**
 * A verdict is invalid if its run is; else fail if a row fails; else inconclusive if a row is; else pass. No
 * rows: invalid.
 */
export function toVerdictWord(rows: readonly VerdictRow[]): VerdictWord {
  const has = (status: RowStatus): boolean => rows.some((row) => row.status === status)
  if (has('invalid') || !rows.some((row) => row.status !== 'skipped')) return 'invalid'
  if (has('fail')) return 'fail'
  return has('inconclusive') ? 'inconclusive' : 'pass'
}

/**
 * One verdict over several judged runs and some rows of their own (probes, what could not be run). A fail of
 * a valid run is certain whatever the others show, so it comes first; then anything that could not be
 * measured; then what is undecided. Without rows it is invalid.
 */
export function combineVerdicts(verdicts: readonly Verdict[], rows: readonly VerdictRow[]): Verdict {
  const words = new Set([
    ...verdicts.map((one) => one.verdict),
    ...(rows.some((row) => row.status !== 'skipped') ? [toWord(rows)] : []),
  ])
  const order: VerdictWord[] = ['fail', 'invalid', 'inconclusive', 'pass']
  return {
    schema: 'vigil.verdict/1',
    verdict: order.find((word) => words.has(word)) ?? 'invalid',
    rows: [...rows, ...verdicts.flatMap((one) => one.rows)],
  }
}

function toWord(rows: readonly VerdictRow[]): VerdictWord {
  return rows.some((row) => row.status === 'fail') ? 'fail' : toVerdictWord(rows)
}

/** With a larger share of failures, the figures describe the failures and not the service. */
const maxFailedShare = 0.5

/**
 * Whether so many requests failed that nothing follows from the others. Two services that are both down have
 * the same error rate, and a fast error page has a short latency: neither is a pass.
 */
export function isMostlyFailed({ requests, errors }: Pick<Totals, 'requests' | 'errors'>): boolean {
  return requests > 0 && errors > requests * maxFailedShare
}
