import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
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

/** Options of every panel. */
export interface PanelOptions {
  title: string
  /** What to look for, and what it means. */
  description: string
  queries: readonly Query[]
  unit: Unit
  /** Of 24 columns. */
  width: number
  height?: number
  limits?: Limits
  /** Alerts on the same metric. The panel links to their runbooks. */
  alerts?: readonly string[]
  /** Where to look next: logs or traces. */
  links?: readonly NamedLink[]
  /** The text of an empty panel where no data is good. Otherwise it shows "No data", which is bad. */
  none?: string
}

/** Builds a panel. It reads the alerts that the panel links to, so it runs only with its dashboard. */
export type PanelSpec = () => Builder<Panel>

/** Turns a function that builds a panel into one that returns its specification. */
export function deferred<Options>(
  build: (options: Options) => Builder<Panel>,
): (options: Options) => PanelSpec {
  return (options) => () => build(options)
}

/** The methods that all panel builders share. */
interface Common {
  title: (title: string) => unknown
  description: (description: string) => unknown
  span: (columns: number) => unknown
  height: (rows: number) => unknown
  noValue: (text: string) => unknown
  links: (links: DashboardLinkBuilder[]) => unknown
}

/** Sets the options of every panel. */
export function describe(panel: Common, options: PanelOptions, height: number): void {
  panel.title(options.title)
  panel.description(options.description)
  panel.span(options.width)
  panel.height(options.height ?? height)
  if (options.none !== undefined) panel.noValue(options.none)
  const links = [
    ...(options.alerts ?? []).map((alert) => linkTo(`Runbook: ${alert}`, findRunbook(alert))),
    ...(options.links ?? []).map(({ title: name, url }) => linkTo(name, url)),
  ]
  if (links.length > 0) panel.links(links)
}

/** A link of a panel that is not a runbook. */
export interface NamedLink {
  title: string
  url: string
}

/** Opens a query in Grafana's Explore, for the time range of the dashboard. */
function exploreLink(title: string, uid: 'loki' | 'tempo', query: Record<string, string>): NamedLink {
  const datasource = { type: uid, uid }
  const range = { from: '${__from}', to: '${__to}' }
  const panes = { a: { datasource: uid, queries: [{ refId: 'A', datasource, ...query }], range } }
  // Grafana replaces its variables only where they are not encoded.
  const encoded = encodeURIComponent(JSON.stringify(panes)).replaceAll(/%24%7B(__\w+)%7D/g, '$${$1}')
  return { title, url: `/explore?schemaVersion=1&orgId=1&panes=${encoded}` }
}

/** The log lines of the API that a LogQL pipeline selects. */
export function logsLink(title: string, pipeline: string): NamedLink {
  return exploreLink(`Logs: ${title}`, 'loki', { expr: `{job="todo-backend"} | json | ${pipeline}` })
}

/** The traces of the API that a TraceQL condition selects. */
export function tracesLink(title: string, condition: string): NamedLink {
  const query = `{resource.service.name="todo-backend" && ${condition}}`
  return exploreLink(`Traces: ${title}`, 'tempo', { queryType: 'traceql', query })
}

export function linkTo(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true)
}

/** A query to Prometheus. */
export interface Query {
  expr: string
  /** Name of each series, `{{label}}` being a label's value; in a table there is none. */
  legend?: string
  /** Shows exemplars: points that link to the traces of single observations. */
  exemplars?: boolean
}

/** A query whose series have this name. */
export function line(legend: string, expr: string): Query {
  return { expr, legend }
}

/** Quantiles of a histogram, of all its series together. `buckets`: their rates. */
export function quantileLines(quantiles: readonly number[], buckets: string): Query[] {
  return quantiles.map((quantile) =>
    line(`p${quantile * 100}`, `histogram_quantile(${quantile}, sum by (le) (${buckets}))`),
  )
}

/** Which series of a histogram a quantile is of. */
export interface HistogramRange {
  name: string
  selector: string
  range: string
  /** Series with the same values of these labels are one. */
  by: readonly string[]
}

/**
 * A quantile of a native histogram, or of the classic buckets where Prometheus does not have native ones.
 * Both add the histograms of all places; native buckets are 2.2 % wide, classic ones up to 150 %.
 */
export function mergedQuantile(quantile: number, { name, selector, range, by }: HistogramRange): string {
  const of = (labels: readonly string[], series: string): string =>
    `histogram_quantile(${quantile}, sum by (${labels.join(', ')}) (rate(${series}{${selector}}[${range}])))`
  return `${of(by, name)} or ${of(['le', ...by], `${name}_bucket`)}`
}

/** A table of the series below the panel, the largest last value first. */
export function tableBelow(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.Table)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs(['lastNotNull', 'mean', 'max'])
    .sortBy('Last *')
    .sortDesc(true)
}

/** The names of the series in one line below the panel. */
export function namesBelow(): VizLegendOptionsBuilder {
  return new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([])
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
  /** Any events per second. */
  perSecond: 'ops',
  requestsPerSecond: 'reqps',
  perMinute: 'opm',
  count: 'short',
  /** A timestamp in milliseconds since 1970, shown as its age. */
  ago: 'dateTimeFromNow',
  /** No scaling: a state, or a small count. */
  plain: 'none',
} as const

export type Unit = keyof typeof units

/** The colour of each severity on all dashboards. An exceeded budget pages no one, hence blue. */
export const colours = {
  good: 'green',
  budget: 'blue',
  medium: 'yellow',
  high: 'orange',
  critical: 'red',
} as const satisfies Record<Severity | 'good' | 'budget', string>

/** The values at which the colour changes. */
export type Limits = readonly Threshold[]

interface More {
  /** A budget in the same unit. */
  budget?: number
  /** The value of which the alert limits are shares. */
  shareOf?: number
}

/** Green, blue above the budget, then the colour of the alert whose limit is exceeded. */
export function above(alerts: readonly LimitedAlert[], { budget, shareOf = 1 }: More = {}): Limits {
  const passed = alerts.map((name) => ({
    value: alertLimits[name].value * shareOf,
    color: colours[alertLimits[name].severity],
  }))
  const own = budget === undefined ? [] : [{ value: budget, color: colours.budget }]
  return [{ value: null, color: colours.good }, ...[...own, ...passed].toSorted((a, b) => a.value - b.value)]
}

/** The limits of alerts, and the links to their runbooks. */
export function alertedBy(
  alerts: readonly LimitedAlert[],
  more: More = {},
): { limits: Limits; alerts: readonly LimitedAlert[] } {
  return { limits: above(alerts, more), alerts }
}

/** The colour of the alert below its limit, green from there on. */
export function below(alert: LimitedAlert): Limits {
  const { severity, value } = alertLimits[alert]
  return [
    { value: null, color: colours[severity] },
    { value, color: colours.good },
  ]
}

/** Limits without an alert. `values` ascend. */
export function steps(
  first: string,
  ...values: readonly (readonly [value: number, colour: string])[]
): Limits {
  return [{ value: null, color: first }, ...values.map(([value, color]) => ({ value, color }))]
}

/** Every count from 1 on has this colour; `least` is for rates, where less than one is something too. */
export function aboveZero(severity: Severity, least = 0.5): Limits {
  return steps(colours.good, [least, colours[severity]])
}

export function thresholds(limits: Limits): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...limits])
}
