import { z } from 'zod'
import { describeFirstIssue } from '../../../record/documents/index.ts'
import { clientLimits, quantileGrid, requestFailureClasses } from './k6-runtime/wire.ts'
import type { ScriptPlan, ScriptSummary, SummaryStep } from './k6-runtime/wire.ts'

export type ReadSummary = { state: 'read'; summary: ScriptSummary } | { state: 'wrong'; problem: string }

const count = z.int().nonnegative()
const amount = z.number().nonnegative()
/** k6 adds up microseconds in floating point. */
const rounding = 1e-6

const trend = z
  .object({
    count: z.int().positive(),
    avg: z.number(),
    min: z.number(),
    max: z.number(),
    quantiles: z.array(z.number()).length(quantileGrid().length),
  })
  .refine(
    ({ avg, min, max }) => min <= avg + rounding && avg <= max + rounding,
    'the mean lies outside of what it is the mean of',
  )
  .refine(({ min, max, quantiles }) => isRising([min, ...quantiles, max]), 'the quantiles do not rise')
  .nullable()

const step = z
  .object({
    latency: trend,
    unanswered: count,
    failed: z.partialRecord(z.enum(requestFailureClasses), count),
  })
  .refine(addsUp, 'more requests failed than were made')

const schema = z.object({
  nonce: z.string(),
  dropped: count,
  warmups: count,
  users: count,
  lateness: trend,
  iterations: trend,
  limits: z.record(z.enum(clientLimits), amount),
  steps: z.array(step),
  complete: z.literal(true),
})

/**
 * The summary a run's script wrote, if it is that and whole. k6 does not write it in one go, an older file may lie under
 * its name, and a script may have thrown half-way: what does not show this run's nonce and add up is no measurement.
 */
export function readSummary(text: string, plan: Pick<ScriptPlan, 'nonce' | 'steps'>): ReadSummary {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { state: 'wrong', problem: `is cut short or no JSON (${text.length} characters)` }
  }
  const checked = schema.safeParse(value)
  if (!checked.success) return { state: 'wrong', problem: describeFirstIssue(checked.error) }
  if (checked.data.nonce !== plan.nonce) return { state: 'wrong', problem: 'is of another run' }
  if (checked.data.steps.length !== plan.steps.length)
    return {
      state: 'wrong',
      problem: `holds ${checked.data.steps.length} steps, expected ${plan.steps.length}`,
    }
  return { state: 'read', summary: checked.data }
}

/** How many requests of a step were made: with and without an answer. */
export function requestsOf(counts: SummaryStep): number {
  return (counts.latency?.count ?? 0) + counts.unanswered
}

export function errorsOf(counts: Pick<SummaryStep, 'failed'>): number {
  return Object.values(counts.failed).reduce((sum, failed) => sum + failed, 0)
}

function addsUp(counts: SummaryStep): boolean {
  const errors = errorsOf(counts)
  return counts.unanswered <= errors && errors <= requestsOf(counts)
}

function isRising(values: readonly number[]): boolean {
  return values.every((value, index) => value >= (values[index - 1] ?? Number.NEGATIVE_INFINITY) - rounding)
}
