import { scaleLinear, scaleLog } from 'd3-scale'
import type { Tick } from '../../../reports/html/index.ts'
import type { Span } from '../query/prometheus.ts'

export interface Axis {
  at: (value: number) => number
  ticks: Tick[]
  /** The values at its ends. */
  least: number
  most: number
}

/** The time of day, UTC, at round values. */
export function timeAxis({ from, to }: Span, left: number, right: number): Axis {
  const scale = scaleLinear([from, to], [left, right])
  const every =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].find(
      (seconds) => ((right - left) / (to - from)) * seconds > 74,
    ) ?? 86_400
  const first = Math.ceil(from / every) * every
  const ticks = Array.from(
    { length: Math.max(0, Math.floor((to - first) / every) + 1) },
    (_, index) => first + index * every,
  )
  const label = (at: number): string => new Date(at * 1000).toISOString().slice(11, every < 60 ? 19 : 16)
  return {
    at: (value) => scale(value),
    ticks: ticks.map((at) => ({ at: scale(at), label: label(at) })),
    least: from,
    most: to,
  }
}

/** From 0 to at least the highest value. */
export function linearAxis(
  most: number,
  bottom: number,
  top: number,
  label: (value: number) => string,
): Axis {
  const scale = scaleLinear([0, most > 0 ? most : 1], [bottom, top]).nice(4)
  const [, end = most] = scale.domain()
  return {
    at: (value) => scale(value),
    ticks: scale.ticks(4).map((value) => ({ at: scale(value), label: label(value) })),
    least: 0,
    most: end,
  }
}

/** For values over several powers of ten. Values of 0 and less are at its lower end. */
export function logAxis(
  values: readonly number[],
  bottom: number,
  top: number,
  label: (value: number) => string,
): Axis {
  const positive = values.filter((value) => value > 0)
  const least = Math.min(...(positive.length > 0 ? positive : [1])) / 1.5
  const most = Math.max(...(positive.length > 0 ? positive : [1])) * 1.5
  const scale = scaleLog([least, most], [bottom, top]).clamp(true)
  const decades = most / least > 100 ? [1] : [1, 3]
  const ticks = scale
    .ticks(20)
    .filter((value) =>
      decades.some((digit) => Math.abs(value / 10 ** Math.floor(Math.log10(value) + 1e-9) - digit) < 1e-6),
    )
  return {
    at: (value) => scale(Math.max(value, least)),
    ticks: ticks.map((value) => ({ at: scale(value), label: label(value) })),
    least,
    most,
  }
}
