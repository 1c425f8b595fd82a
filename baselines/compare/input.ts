import type { Histogram, Totals } from '../../record/index.ts'
import type { ComparableRun } from '../../record/read.ts'
import { comparableSchema } from '../../record/schema.ts'

export type Checked = { state: 'read'; run: ComparableRun } | { state: 'refused'; problem: string }
export type CheckedRuns = { state: 'read'; runs: ComparableRun[] } | { state: 'refused'; problem: string }

/** Checks a value from JSON to be a record that can be compared. `where` names it in the problem: a file, a line, a place. */
export function checkRun(value: unknown, where: string): Checked {
  const parsed = comparableSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { state: 'refused', problem: `${where}: ${pathOf(issue?.path ?? [])}: ${(issue?.message ?? 'not a record').split('\n')[0]?.slice(0, 300)}` }
  }
  const run: ComparableRun = parsed.data
  const problem = contradiction(run)
  return problem === undefined ? { state: 'read', run } : { state: 'refused', problem: `${where}: ${problem}` }
}

/** Checks an array of records. */
export function checkRuns(value: unknown, where: string): CheckedRuns {
  if (!Array.isArray(value)) return { state: 'refused', problem: `${where}: found ${value === null ? 'null' : typeof value}, expected an array of vigil.run/1 records` }
  const runs: ComparableRun[] = []
  for (const [index, entry] of value.entries()) {
    const checked = checkRun(entry, `${where}[${index}]`)
    if (checked.state === 'refused') return checked
    runs.push(checked.run)
  }
  return { state: 'read', runs }
}

/** Reads a text that holds one record, an array of them, or one a line. `where` names the file in the problem. */
export function parseRuns(text: string, where: string): CheckedRuns {
  const whole = jsonOf(text)
  if (whole.state === 'read') return Array.isArray(whole.value) ? checkRuns(whole.value, where) : asMany(checkRun(whole.value, where))
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 })).filter(({ line }) => line.trim() !== '')
  // One damaged record is not many lines of them: its first line must be whole before it is taken for one of several.
  if (lines.length < 2 || jsonOf(lines[0]?.line ?? '').state === 'refused') return { state: 'refused', problem: `${where}: not JSON (${whole.problem}), expected a vigil.run/1 record, an array of them, or one a line` }
  const runs: ComparableRun[] = []
  for (const { line, number } of lines) {
    const value = jsonOf(line)
    if (value.state === 'refused') return { state: 'refused', problem: `${where}:${number}: not JSON (${value.problem}), expected a vigil.run/1 record` }
    const checked = checkRun(value.value, `${where}:${number}`)
    if (checked.state === 'refused') return checked
    runs.push(checked.run)
  }
  return { state: 'read', runs }
}

function asMany(checked: Checked): CheckedRuns {
  return checked.state === 'read' ? { state: 'read', runs: [checked.run] } : checked
}

/** JSON, or in one line why it is none. */
export function jsonOf(text: string): { state: 'read'; value: unknown } | { state: 'refused'; problem: string } {
  try {
    return { state: 'read', value: JSON.parse(text) }
  } catch (error) {
    return { state: 'refused', problem: error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 120) : 'unreadable' }
  }
}

/** Figures that contradict each other: something was lost or made up, and what is left must not be judged. */
function contradiction(run: ComparableRun): string | undefined {
  let [requests, errors] = [0, 0]
  for (const [step, endpoint] of Object.entries(run.endpoints)) {
    const at = `endpoints[${JSON.stringify(step)}]`
    const samples = samplesIn(endpoint.histogram)
    if (samples > endpoint.requests) return `${at}.histogram: holds ${samples} samples, expected at most its ${endpoint.requests} requests`
    // A writer may leave failed requests out of the histogram, but no others.
    if (samples < endpoint.requests - endpoint.errors) return `${at}.histogram: holds ${samples} samples, expected at least the ${endpoint.requests - endpoint.errors} requests that did not fail`
    const problem = rateContradiction(endpoint, at) ?? orderContradiction(endpoint, at)
    if (problem) return problem
    requests += endpoint.requests
    errors += endpoint.errors
  }
  if (requests > run.totals.requests) return `totals.requests: found ${run.totals.requests}, expected at least the ${requests} of its endpoints`
  if (errors > run.totals.errors) return `totals.errors: found ${run.totals.errors}, expected at least the ${errors} of its endpoints`
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
  return requests > 0 && Math.abs(rate - errorRate) > Math.max(1e-6, rate * 5e-4) ? `${at}.errorRate: found ${errorRate}, expected errors / requests = ${rate}` : undefined
}

function orderContradiction({ latency }: Totals, at: string): string | undefined {
  // Not the maximum: some writers know it exactly, and a quantile only to its bucket's upper bound.
  const order = ['p50Ms', 'p90Ms', 'p95Ms', 'p99Ms'] as const
  for (const [index, name] of order.entries()) {
    const below = order[index - 1]
    if (below !== undefined && latency[name] < latency[below] * (1 - 1e-9)) return `${at}.latency.${name}: found ${latency[name]}, expected at least its ${below}, ${latency[below]}`
  }
  return undefined
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)'
  return path.map((key, index) => (typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key) ? `${index === 0 ? '' : '.'}${key}` : `[${JSON.stringify(key)}]`)).join('')
}
