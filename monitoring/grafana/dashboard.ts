import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { AnnotationQuery, Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { prometheus } from './panels/index.ts'
import type { PanelSpec } from './panels/index.ts'
import type { VariableBuilder } from './variables.ts'

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
    .variables([...variables])
    .annotations([alertAnnotation(), deploymentAnnotation(), verdictAnnotation()])
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

export type AnnotationBuilder = Builder<AnnotationQuery>

/** The start of a process: a deployment or a crash. */
function deploymentAnnotation(): AnnotationBuilder {
  return eventAnnotation(
    'Starts of the API',
    'blue',
    'process_start_time_seconds{job="todo-backend"} * 1000',
    'API started',
    '{{instance}}',
  )
}

/** Verdicts of load runs at the start of the run, with the revision. */
function verdictAnnotation(): AnnotationBuilder {
  const facts =
    '(vigil_run_verdict == 1) * on (suite, environment, engine) group_left (revision) vigil_run_info'
  const when =
    `${facts} * on (suite, environment, engine) group_left () ` +
    '(vigil_run_started_timestamp_seconds * 1000)'
  return eventAnnotation(
    'Verdicts of load runs',
    'purple',
    when,
    'Load run {{suite}}: {{verdict}}',
    'revision {{revision}}, {{engine}}',
  )
}

/** Firing alerts. Grafana joins consecutive samples to a region. */
function alertAnnotation(): AnnotationBuilder {
  return baseAnnotation(
    'Alerts',
    'red',
    'ALERTS{alertstate="firing", alertname!="Watchdog"}',
    '{{alertname}}',
    '{{severity}}: {{instance}} {{route}}',
  ).step('60s')
}

/** An event whose time, in milliseconds since 1970, is the value of the series. */
function eventAnnotation(
  name: string,
  colour: string,
  expr: string,
  title: string,
  text: string,
): AnnotationQueryBuilder {
  return baseAnnotation(name, colour, expr, title, text).useValueForTime(true)
}

function baseAnnotation(
  name: string,
  colour: string,
  expr: string,
  title: string,
  text: string,
): AnnotationQueryBuilder {
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
