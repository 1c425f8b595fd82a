import { z } from 'zod'
import { parseDocument } from '../../record/documents/index.ts'
import { historyMetrics } from './change-points.ts'
import type { LocatedChange } from './change-points.ts'

const words = z.string().trim().min(1, 'expected some words').max(500)
const acknowledgement = z.strictObject({
  suite: z.string().min(1),
  /** A run at the change: the first one after it, or another one where it may lie. */
  run: z.string().min(1),
  /** Missing: of every metric. */
  metric: z.enum(historyMetrics).exactOptional(),
  reason: words,
  owner: words,
})
const file = z.strictObject({
  schema: z.literal('vigil.acknowledged/1'),
  changes: z.array(acknowledgement),
})

/** A change of level that people have read and explained, in a reviewed file: it is quiet from then on. */
export type Acknowledgement = z.infer<typeof acknowledgement>

export function parseAcknowledged(
  text: string,
  where: string,
): { state: 'ok'; changes: Acknowledgement[] } | { state: 'invalid'; problem: string } {
  const read = parseDocument(text, where, file, 'a vigil.acknowledged/1 file')
  return read.state === 'ok' ? { state: 'ok', changes: read.value.changes } : read
}

/** The acknowledgement of a change in a series of runs, by their ids. */
export function findAcknowledgement(
  known: readonly Acknowledgement[],
  suite: string,
  { metric, within: [first, last] }: Pick<LocatedChange, 'metric' | 'within'>,
  runs: readonly string[],
): Acknowledgement | undefined {
  const near = new Set(runs.slice(first, last + 1))
  return known.find((one) => one.suite === suite && (one.metric ?? metric) === metric && near.has(one.run))
}
