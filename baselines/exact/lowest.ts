import { z } from 'zod'
import { parseDocument } from '../../record/documents/index.ts'
import type { ExactRules } from './judge.ts'
import { exactMetrics } from './tally.ts'
import type { ExactMetric, ExactTallies } from './tally.ts'

/** Counts of an answer, by `journey/step`. */
export type StepCounts = Record<string, Partial<Record<ExactMetric, number>>>

/**
 * The lowest counts of each step that were ever accepted, `vigil.counts/1`: what the rule `ratchet` holds a
 * candidate to. Counts are of the code and its data, so they hold on every machine.
 */
export interface LowestCounts {
  schema: 'vigil.counts/1'
  /** By suite. */
  suites: Record<string, StepCounts>
}

export type ReadCounts = { state: 'ok'; counts: LowestCounts } | { state: 'invalid'; problem: string }

const count = z.number().nonnegative()
const schema = z.object({
  schema: z.literal('vigil.counts/1'),
  suites: z.record(
    z.string(),
    z.record(
      z.string(),
      z.strictObject({
        statements: count.exactOptional(),
        rows: count.exactOptional(),
        bytes: count.exactOptional(),
      }),
    ),
  ),
})

export function parseCounts(text: string, where: string): ReadCounts {
  const read = parseDocument(text, where, schema, 'vigil.counts/1')
  return read.state === 'ok' ? { state: 'ok', counts: read.value } : read
}

/** One count that was lower, or is known for the first time. */
export interface LoweredCount {
  step: string
  metric: ExactMetric
  from: number | undefined
  to: number
}

// The mean of a count that varies with the data differs from duet to duet: the lowest of many would be one
// that nothing keeps to.
const leastLess = 0.01

/**
 * Takes over what a duet's candidate did with less, or for the first time. Nothing ever gets higher: that is
 * an edit of the file, for review.
 */
export function lowerCounts(
  counts: LowestCounts,
  suite: string,
  tallies: ExactTallies,
): { counts: LowestCounts; changes: LoweredCount[] } {
  const known: StepCounts = Object.hasOwn(counts.suites, suite) ? (counts.suites[suite] ?? {}) : {}
  const changes: LoweredCount[] = []
  const steps: StepCounts = { ...known }
  for (const step of Object.keys(tallies).toSorted()) {
    for (const metric of exactMetrics) {
      const tally = tallies[step]?.[metric]
      if (tally === undefined || tally.pairs === 0) continue
      const [from, to] = [
        Object.hasOwn(steps, step) ? steps[step]?.[metric] : undefined,
        Number((tally.candidate / tally.pairs).toPrecision(6)),
      ]
      if (from !== undefined && to > from * (1 - leastLess)) continue
      changes.push({ step, metric, from, to })
      steps[step] = { ...(Object.hasOwn(steps, step) ? steps[step] : {}), [metric]: to }
    }
  }
  return { counts: { schema: 'vigil.counts/1', suites: { ...counts.suites, [suite]: steps } }, changes }
}

/** The rules with what was accepted of a suite: of use to those that are a ratchet. */
export function withLowestCounts(
  rules: ExactRules,
  counts: LowestCounts | undefined,
  suite: string,
): ExactRules {
  const known = counts && Object.hasOwn(counts.suites, suite) ? counts.suites[suite] : undefined
  if (known === undefined) return rules
  const held: ExactRules = { ...rules }
  for (const metric of exactMetrics) {
    if (rules[metric]?.kind !== 'ratchet') continue
    const best = Object.entries(known).flatMap(([step, of]): [string, number][] =>
      of[metric] === undefined ? [] : [[step, of[metric]]],
    )
    held[metric] = { kind: 'ratchet', best: new Map(best) }
  }
  return held
}
