import { count, nothing } from '../../wording/index.ts'

/** A number beside an axis: six characters or so, however large, so that no axis is cut. */
export function axisNumber(value: number): string {
  if (!Number.isFinite(value)) return nothing
  if (value >= 1e5) return Number(value.toPrecision(3)).toExponential().replace('e+', 'e')
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(3)))
}
