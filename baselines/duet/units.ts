import type { ExactTallies } from '../exact/index.ts'
import type { ComparableRun } from '../../record/index.ts'

/**
 * What a duet measured: its units in order, the i-th of both sides a pair, and the counts that noise cannot
 * move.
 */
export interface DuetUnits {
  baseline: readonly ComparableRun[]
  candidate: readonly ComparableRun[]
  exact: ExactTallies
}

/** A figure that a record's `server` or `generator` holds; undefined when it is not there. */
export function readFact(run: ComparableRun, part: 'server' | 'generator', name: string): number | undefined {
  const value: unknown = run[part] === undefined ? undefined : Reflect.get(run[part], name)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

export function meanOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
}
