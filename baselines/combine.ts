import { toVerdictWord } from './verdict.ts'
import type { Verdict, VerdictRow, VerdictWord } from './verdict.ts'

/**
 * One verdict over several judged runs and some rows of their own (probes, what could not be run). A fail of a valid run
 * is certain whatever became of the others, so it comes first; then anything that could not be measured; then what was
 * too little to decide. Nothing at all is invalid.
 */
export function combineVerdicts(verdicts: readonly Verdict[], rows: readonly VerdictRow[]): Verdict {
  const words = new Set([
    ...verdicts.map((verdict) => verdict.verdict),
    ...(rows.some((row) => row.status !== 'skipped') ? [toWord(rows)] : []),
  ])
  const order: VerdictWord[] = ['fail', 'invalid', 'inconclusive', 'pass']
  return {
    schema: 'vigil.verdict/1',
    verdict: order.find((word) => words.has(word)) ?? 'invalid',
    rows: [...rows, ...verdicts.flatMap((verdict) => verdict.rows)],
  }
}

function toWord(rows: readonly VerdictRow[]): VerdictWord {
  return rows.some((row) => row.status === 'fail') ? 'fail' : toVerdictWord(rows)
}
