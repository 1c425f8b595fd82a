import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel, Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { findRunbook } from '../limits.ts'
import { alertLimits } from '../limits.ts'
import type { LimitedAlert, Severity } from '../limits.ts'

/** What every panel says of itself. */
export interface PanelOptions {
  title: string
  /** What to look for, and what it means when it is there. */
  description: string
  queries: readonly Query[]
  unit: Unit
  /** Of 24 columns. */
  width: number
  height?: number
  limits?: Limits
  /** Alerts that watch the same: the panel links to their runbooks. */
  alerts?: readonly string[]
  /** What an empty panel says, where nothing is good news. Without it, it says "No data", which is bad news. */
  none?: string
}

/** A panel described; it is built when its dashboard is, and only then are the alerts read that it links to. */
export type PanelSpec = () => Builder<Panel>

/** What the builders of all kinds of panel have in common, as far as it is used here. */
interface Common {
  title: (title: string) => unknown
  description: (description: string) => unknown
  span: (columns: number) => unknown
  height: (rows: number) => unknown
  noValue: (text: string) => unknown
  links: (links: DashboardLinkBuilder[]) => unknown
}

/** Sets on `panel` what every panel has. */
export function describe(panel: Common, options: PanelOptions, height: number): void {
  panel.title(options.title)
  panel.description(options.description)
  panel.span(options.width)
  panel.height(options.height ?? height)
  if (options.none !== undefined) panel.noValue(options.none)
  if (options.alerts !== undefined)
    panel.links(options.alerts.map((alert) => linkTo(`Runbook: ${alert}`, findRunbook(alert))))
}

export function linkTo(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true)
}

/** A question to Prometheus. */
export interface Query {
  expr: string
  /** Name of each series, `{{label}}` being a label's value; in a table there is none. */
  legend?: string
  /** Shows the traces behind single observations as points. */
  exemplars?: boolean
}

/** The data source that the reader picked at the top of the page. */
export const prometheus = { type: 'prometheus', uid: '${datasource}' } as const

const letters = 'ABCDEFGHIJ'

export function rangeQuery({ expr, legend, exemplars }: Query, index: number): DataqueryBuilder {
  const query = baseQuery(expr, index).range()
  if (legend !== undefined) query.legendFormat(legend)
  if (exemplars === true) query.exemplar(true)
  return query
}

/** One value a series, of the end of the time range. */
export function instantQuery({ expr, legend }: Query, index: number): DataqueryBuilder {
  const query = baseQuery(expr, index).instant()
  return legend === undefined ? query : query.legendFormat(legend)
}

export function tableQuery({ expr }: Query, index: number): DataqueryBuilder {
  return baseQuery(expr, index).instant().format(PromQueryFormat.Table)
}

function baseQuery(expr: string, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(prometheus)
    .refId(letters[index] ?? 'Z')
    .expr(expr)
}

/** Units as Grafana calls them, by what they are. Values stay in base units; Grafana scales them. */
export const units = {
  seconds: 's',
  ratio: 'percentunit',
  /** Decimal: the budget of 512 MB is. */
  bytes: 'decbytes',
  bytesPerSecond: 'Bps',
  /** Things a second, whatever they are. */
  perSecond: 'ops',
  requestsPerSecond: 'reqps',
  perMinute: 'opm',
  count: 'short',
  /** A moment, in milliseconds since 1970, told by how long ago it was. */
  ago: 'dateTimeFromNow',
  /** Nothing to scale: a state, or a number of things that is never thousands. */
  plain: 'none',
} as const

export type Unit = keyof typeof units

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
export function above(alerts: readonly LimitedAlert[], { budget, shareOf = 1 }: More = {}): Limits {
  const passed = alerts.map((name) => ({
    value: alertLimits[name].value * shareOf,
    color: colours[alertLimits[name].severity],
  }))
  const own = budget === undefined ? [] : [{ value: budget, color: colours.budget }]
  return [{ value: null, color: colours.good }, ...[...own, ...passed].toSorted((a, b) => a.value - b.value)]
}

/** The colour of the alert below its limit, green from there on. */
export function below(alert: LimitedAlert): Limits {
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
export function aboveZero(severity: Severity): Limits {
  return steps(colours.good, [Number.EPSILON, colours[severity]])
}

export function thresholds(limits: Limits): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...limits])
}
