import { scaleLog } from 'd3-scale'
import { axisNumber } from './axis-number.ts'
import type { Tick } from './frame.ts'

/** A logarithmic axis for milliseconds: where a value lies in pixels, and its ticks at 1, 2 and 5. */
export interface LogAxis {
  at: (ms: number) => number
  ticks: Tick[]
}

export interface LatencyDomain {
  least: number
  most: number
}

/** The least domain that holds all values, with a little air; values that no logarithm has (0) lie at its lower end. */
export function latencyDomain(values: readonly number[]): LatencyDomain {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value))
  if (positive.length === 0) return { least: 1, most: 10 }
  const least = positive.reduce((a, b) => Math.min(a, b))
  const most = positive.reduce((a, b) => Math.max(a, b))
  return { least: least / 1.25, most: Math.max(most * 1.3, least * 2) }
}

export function logAxis(
  { least, most }: LatencyDomain,
  from: number,
  to: number,
  mostTicks: number,
): LogAxis {
  const scale = scaleLog([least, most], [from, to]).clamp(true)
  const all = [1, 2, 5]
    .flatMap((step) => decades(least, most).map((decade) => step * decade))
    .filter((value) => value >= least && value <= most)
  const sparse =
    all.length <= mostTicks ? all : decades(least, most).filter((value) => value >= least && value <= most)
  const every = Math.ceil(sparse.length / mostTicks)
  const shown = sparse.toSorted((a, b) => a - b).filter((_, index) => index % every === 0)
  return {
    at: (ms) => scale(Math.max(ms, least)),
    ticks: shown.map((value) => ({ at: scale(value), label: axisNumber(value) })),
  }
}

function decades(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least))
  const last = Math.ceil(Math.log10(most))
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number((10 ** (first + index)).toPrecision(6)),
  )
}
