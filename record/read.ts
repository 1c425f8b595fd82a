import { describeFirstIssue } from './schema-issue.ts'
import type { SchemaError } from './schema-issue.ts'
import type { Run } from './run.ts'
import { contradiction } from './contradiction.ts'
import { comparableSchema, runSchema } from './schema.ts'

/** The part of a record that a comparison needs; the rest may be missing. */
export type ComparableRun = Pick<Run, 'schema' | 'totals' | 'endpoints'> & Partial<Run>

export type ReadResult<T> = { state: 'read'; run: T } | { state: 'refused'; problem: string }

/** Reads a whole record. `where` names the file in the problem. */
export function parseRun(text: string, where: string): ReadResult<Run> {
  const json = jsonOf(text)
  if (json.state === 'refused')
    return {
      state: 'refused',
      problem: `${where}: not JSON (${json.problem}), expected a vigil.run/1 record`,
    }
  return checked<Run>(runSchema.safeParse(json.value), where)
}

/**
 * Checks a value from JSON to be a record that can be compared: one that may hold only `schema`, `totals` and `endpoints`.
 * `where` names it in the problem: a file, a line, a place.
 */
export function checkComparableRun(value: unknown, where: string): ReadResult<ComparableRun> {
  return checked<ComparableRun>(comparableSchema.safeParse(value), where)
}

/** JSON, or in one line why it is none. */
export function jsonOf(
  text: string,
): { state: 'read'; value: unknown } | { state: 'refused'; problem: string } {
  try {
    return { state: 'read', value: JSON.parse(text) }
  } catch (error) {
    return {
      state: 'refused',
      problem: error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 120) : 'unreadable',
    }
  }
}

type Parsed<T> = { success: true; data: T } | { success: false; error: SchemaError }

function checked<T extends ComparableRun>(parsed: Parsed<T>, where: string): ReadResult<T> {
  if (!parsed.success) return { state: 'refused', problem: `${where}: ${describeFirstIssue(parsed.error)}` }
  const problem = contradiction(parsed.data)
  return problem === undefined
    ? { state: 'read', run: parsed.data }
    : { state: 'refused', problem: `${where}: ${problem}` }
}
