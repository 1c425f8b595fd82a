import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dashboard, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { prometheus } from './panels/index.ts'
import type { PanelSpec } from './panels/index.ts'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'

/** Panels below one heading. Their widths fill rows of 24 columns. */
export interface Row {
  title: string
  panels: readonly PanelSpec[]
}

export interface DashboardOptions {
  uid: string
  title: string
  /** The questions that it answers. */
  description: string
  /** In addition to the data source. */
  variables: readonly VariableBuilder[]
  /** The most urgent row comes first. */
  rows: readonly Row[]
}

/** The tag of our dashboards. The links between the dashboards use it. */
const tag = 'todo'

/**
 * A dashboard for provisioning by file (v1 schema). Each panel has an id, so that links to panels stay valid.
 */
export function buildDashboard({ uid, title, description, variables, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    // The next provisioning would discard changes in the browser, so Grafana rejects them.
    .readonly()
    .variables([datasource(), ...variables])
    .annotations([
      baseAnnotation(firingAlerts).step('60s'),
      eventAnnotation(starts),
      eventAnnotation(verdicts),
    ])
    .link(
      new DashboardLinkBuilder('Dashboards')
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title))
    for (const panel of row.panels) builder.withPanel(panel())
  }
  return numbered(builder.build())
}

function numbered(dashboard: Dashboard): Dashboard {
  return {
    ...dashboard,
    panels: (dashboard.panels ?? []).map((panel, index) => ({ ...panel, id: index + 1 })),
  }
}

interface Annotation {
  name: string
  colour: string
  expr: string
  title: string
  text: string
}

/** The start of a process: a deployment or a crash. */
const starts: Annotation = {
  name: 'Starts of the API',
  colour: 'blue',
  expr: 'process_start_time_seconds{job="todo-backend"} * 1000',
  title: 'API started',
  text: '{{instance}}',
}

/** Verdicts of load runs at the start of the run, with the revision. */
const verdicts: Annotation = {
  name: 'Verdicts of load runs',
  colour: 'purple',
  expr:
    '(vigil_run_verdict == 1) * on (suite, environment, engine) group_left (revision) vigil_run_info' +
    ' * on (suite, environment, engine) group_left () (vigil_run_started_timestamp_seconds * 1000)',
  title: 'Load run {{suite}}: {{verdict}}',
  text: 'revision {{revision}}, {{engine}}',
}

/** Firing alerts. Grafana joins consecutive samples to a region. */
const firingAlerts: Annotation = {
  name: 'Alerts',
  colour: 'red',
  expr: 'ALERTS{alertstate="firing", alertname!~"Watchdog|CausePending"}',
  title: '{{alertname}}',
  text: '{{severity}}: {{instance}} {{route}}',
}

/** An event whose time, in milliseconds since 1970, is the value of the series. */
function eventAnnotation(event: Annotation): AnnotationQueryBuilder {
  return baseAnnotation(event).useValueForTime(true)
}

function baseAnnotation({ name, colour, expr, title, text }: Annotation): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(prometheus)
    .enable(true)
    .hide(false)
    .iconColor(colour)
    .expr(expr)
    .titleFormat(title)
    .textFormat(text)
}

export type VariableBuilder = Builder<VariableModel>

/** The Prometheus to query. The default is the provisioned one. */
export function datasource(): VariableBuilder {
  return new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .current({ text: 'Prometheus', value: 'prometheus' })
}

/** Values of a label. The reader can choose several; the default is all. */
export function label(name: string, title: string, metric: string, of = name): VariableBuilder {
  return (
    new QueryVariableBuilder(name)
      .label(title)
      .datasource(prometheus)
      .query({ query: `label_values(${metric}, ${of})`, refId: 'StandardVariableQuery' })
      .definition(`label_values(${metric}, ${of})`)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      // oxlint-disable-next-line unicorn/no-array-sort -- the builder's own; there is no array
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Not a list of all values, which is long and misses values that appear later.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  )
}
