import type { Run } from './run.ts'
import { countOf } from './histogram.ts'
import { comparableSchema, runSchema } from './schema.ts'

/** The part of a record that a comparison needs; the rest may be missing. */
export type ComparableRun = Pick<Run, 'schema' | 'totals' | 'endpoints'> & Partial<Run>

export type ReadResult<T> = { state: 'read'; run: T } | { state: 'refused'; problem: string }

/** Reads a whole record. `where` names the file in the problem. */
export function parseRun(text: string, where: string): ReadResult<Run> {
  return read<Run>(text, where, (value) => runSchema.safeParse(value))
}

/** Reads a record that may hold only `schema`, `totals` and `endpoints`. */
export function parseComparableRun(text: string, where: string): ReadResult<ComparableRun> {
  return read<ComparableRun>(text, where, (value) => comparableSchema.safeParse(value))
}

type Parsed<T> = { success: true; data: T } | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } }

function read<T extends ComparableRun>(text: string, where: string, parse: (value: unknown) => Parsed<T>): ReadResult<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { state: 'refused', problem: `${where}: not JSON (${error instanceof Error ? firstLine(error.message) : 'unreadable'}), expected a vigil.run/1 record` }
  }
  const parsed = parse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { state: 'refused', problem: `${where}: ${pathOf(issue?.path ?? [])}: ${firstLine(issue?.message ?? 'not a record')}` }
  }
  const problem = sumProblem(parsed.data)
  return problem === undefined ? { state: 'read', run: parsed.data } : { state: 'refused', problem: `${where}: ${problem}` }
}

/** Counts that contradict each other mean that something was lost: such a record must not be judged. */
function sumProblem(run: ComparableRun): string | undefined {
  let requests = 0
  for (const [key, endpoint] of Object.entries(run.endpoints)) {
    const at = `endpoints[${JSON.stringify(key)}]`
    const samples = countOf(endpoint.histogram)
    if (samples > endpoint.requests) return `${at}.histogram: holds ${samples} samples, expected at most its ${endpoint.requests} requests`
    const problem = rateProblem(endpoint, at)
    if (problem) return problem
    requests += endpoint.requests
  }
  if (requests > run.totals.requests) return `totals.requests: found ${run.totals.requests}, expected at least the ${requests} of its endpoints`
  return rateProblem(run.totals, 'totals')
}

function rateProblem(totals: Run['totals'], at: string): string | undefined {
  if (totals.errors > totals.requests) return `${at}.errors: found ${totals.errors}, expected at most its ${totals.requests} requests`
  const rate = totals.requests === 0 ? 0 : totals.errors / totals.requests
  // Other writers round: half a per mille of the rate, or one in a million.
  if (totals.requests > 0 && Math.abs(rate - totals.errorRate) > Math.max(1e-6, rate * 5e-4)) {
    return `${at}.errorRate: found ${totals.errorRate}, expected errors / requests = ${rate}`
  }
  return undefined
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(top level)'
  return path
    .map((key, index) => {
      if (typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key)) return index === 0 ? key : `.${key}`
      return `[${JSON.stringify(key)}]`
    })
    .join('')
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 300) ?? ''
}
