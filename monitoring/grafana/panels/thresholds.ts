import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { alertLimits } from '../limits.ts'
import type { Limited, Severity } from '../limits.ts'

/** The colour of each severity, everywhere the same. A budget that is passed wakes nobody, hence blue. */
export const colours = {
  good: 'green',
  budget: 'blue',
  medium: 'yellow',
  high: 'orange',
  critical: 'red',
} as const satisfies Record<Severity | 'good' | 'budget', string>

/** Where a value begins to be worth a colour. */
export type Limits = readonly Threshold[]

interface More {
  /** A budget in the same unit. */
  budget?: number
  /** Alerts are about a share of this. */
  shareOf?: number
}

/** Green, blue from the budget on, and then the colour of the alert whose limit is passed. */
export function above(alerts: readonly Limited[], { budget, shareOf = 1 }: More = {}): Limits {
  const passed = alerts.map((name) => ({
    value: alertLimits[name].value * shareOf,
    color: colours[alertLimits[name].severity],
  }))
  const own = budget === undefined ? [] : [{ value: budget, color: colours.budget }]
  return [{ value: null, color: colours.good }, ...[...own, ...passed].toSorted((a, b) => a.value - b.value)]
}

/** The colour of the alert below its limit, green from there on. */
export function below(alert: Limited): Limits {
  const { severity, value } = alertLimits[alert]
  return [
    { value: null, color: colours[severity] },
    { value, color: colours.good },
  ]
}

/** Limits that belong to no alert, such as how many there should be. `values` ascend. */
export function steps(
  first: string,
  ...values: readonly (readonly [value: number, colour: string])[]
): Limits {
  return [{ value: null, color: first }, ...values.map(([value, color]) => ({ value, color }))]
}

/** Anything but nothing has this colour. */
export function anyIs(severity: Severity): Limits {
  return steps(colours.good, [Number.EPSILON, colours[severity]])
}

export function thresholds(limits: Limits): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...limits])
}
