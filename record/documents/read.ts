import type { z } from 'zod'
import { describeFirstIssue } from './schema-issue.ts'
import type { SchemaError } from './schema-issue.ts'
import { comparableSchema, runSchema } from './run.ts'
import type { Histogram } from './histogram.ts'
import type { ComparableRun, Run, Totals } from './run.ts'

export type ReadResult<T> = { state: 'ok'; run: T } | { state: 'invalid'; problem: string }

/** Reads a complete record. `where` names the file in the problem. */
export function parseRun(text: string, where: string): ReadResult<Run> {
  const json = jsonOf(text)
  if (json.state === 'invalid')
    return {
      state: 'invalid',
      problem: `${where}: not JSON (${json.problem}), expected a vigil.run/1 record`,
    }
  return checked<Run>(runSchema.safeParse(json.value), where)
}

/**
 * Checks a value from JSON to be a record that can be compared: one that may hold only `schema`, `totals` and
 * `endpoints`. `where` names it in the problem: a file, a line, a place.
 */
export function checkComparableRun(value: unknown, where: string): ReadResult<ComparableRun> {
  return checked<ComparableRun>(comparableSchema.safeParse(value), where)
}

/** JSON, or in one line why it is none. */
export function jsonOf(
  text: string,
): { state: 'ok'; value: unknown } | { state: 'invalid'; problem: string } {
  try {
    return { state: 'ok', value: JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text) }
  } catch (error) {
    return {
      state: 'invalid',
      problem: error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 120) : 'unreadable',
    }
  }
}

/**
 * Reads a document that is not a record: JSON that its schema accepts. `where` names the file, and `expected`
 * what it should be.
 */
export function parseDocument<T>(
  text: string,
  where: string,
  schema: z.ZodType<T>,
  expected: string,
): { state: 'ok'; value: T } | { state: 'invalid'; problem: string } {
  const json = jsonOf(text)
  if (json.state === 'invalid')
    return { state: 'invalid', problem: `${where}: not JSON (${json.problem}), expected ${expected}` }
  const parsed = schema.safeParse(json.value)
  return parsed.success
    ? { state: 'ok', value: parsed.data }
    : { state: 'invalid', problem: `${where}: ${describeFirstIssue(parsed.error)}` }
}

type Parsed<T> = { success: true; data: T } | { success: false; error: SchemaError }

function checked<T extends ComparableRun>(parsed: Parsed<T>, where: string): ReadResult<T> {
  if (!parsed.success) return { state: 'invalid', problem: `${where}: ${describeFirstIssue(parsed.error)}` }
  const problem = contradiction(parsed.data)
  return problem === undefined
    ? { state: 'ok', run: parsed.data }
    : { state: 'invalid', problem: `${where}: ${problem}` }
}

/** Figures that contradict each other: something was lost or made up, and what is left must not be judged. */
function contradiction(run: Pick<Run, 'totals' | 'endpoints'>): string | undefined {
  let [requests, errors] = [0, 0]
  for (const [step, endpoint] of Object.entries(run.endpoints)) {
    const at = `endpoints[${JSON.stringify(step)}]`
    const samples = samplesIn(endpoint.histogram)
    if (samples > endpoint.requests)
      return `${at}.histogram: holds ${samples} samples, expected at most its ${endpoint.requests} requests`
    // A writer may leave failed requests out of the histogram, but no others.
    if (samples < endpoint.requests - endpoint.errors)
      return (
        `${at}.histogram: holds ${samples} samples, expected at least the ` +
        `${endpoint.requests - endpoint.errors} requests that did not fail`
      )
    const problem = rateContradiction(endpoint, at) ?? orderContradiction(endpoint, at)
    if (problem) return problem
    requests += endpoint.requests
    errors += endpoint.errors
  }
  if (requests > run.totals.requests)
    return `totals.requests: found ${run.totals.requests}, expected at least the ${requests} of its endpoints`
  if (errors > run.totals.errors)
    return `totals.errors: found ${run.totals.errors}, expected at least the ${errors} of its endpoints`
  return rateContradiction(run.totals, 'totals') ?? orderContradiction(run.totals, 'totals')
}

// A batch checks millions of buckets: a plain loop.
function samplesIn(histogram: Histogram): number {
  let sum = 0
  for (const bucket of histogram) sum += bucket[1]
  return sum
}

function rateContradiction({ requests, errors, errorRate }: Totals, at: string): string | undefined {
  if (errors > requests) return `${at}.errors: found ${errors}, expected at most its ${requests} requests`
  const rate = requests === 0 ? 0 : errors / requests
  // Other writers round: half a per mille of the rate, or one in a million.
  return requests > 0 && Math.abs(rate - errorRate) > Math.max(1e-6, rate * 5e-4)
    ? `${at}.errorRate: found ${errorRate}, expected errors / requests = ${rate}`
    : undefined
}

function orderContradiction({ latency }: Totals, at: string): string | undefined {
  // Not the maximum: some writers know it exactly, and a quantile only to its bucket's upper bound.
  const order = ['p50Ms', 'p90Ms', 'p95Ms', 'p99Ms'] as const
  for (const [index, name] of order.entries()) {
    const below = order[index - 1]
    if (below !== undefined && latency[name] < latency[below] * (1 - 1e-9))
      return (
        `${at}.latency.${name}: found ${latency[name]}, expected at least its ${below}, ` +
        `${latency[below]}`
      )
  }
  return undefined
}
