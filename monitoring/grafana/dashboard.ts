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

/** Panels under one heading. Their widths fill lines of 24 columns. */
export interface Row {
  title: string
  panels: readonly PanelSpec[]
}

export interface DashboardOptions {
  uid: string
  title: string
  /** Which questions it answers. */
  description: string
  variables: readonly VariableBuilder[]
  /** The most urgent first: what must be known is on the first screen. */
  rows: readonly Row[]
}

/** Marks ours in the menus, and is what the links between the dashboards go by. */
const tag = 'todo'

/** A dashboard of the file-provisioned kind (v1 schema), whole and with an id for each panel, so that links to a panel stay. */
export function buildDashboard({ uid, title, description, variables, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    // What is changed by hand is lost with the next provisioning: refused, rather than lost.
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

/** The start of a process is a deployment, or a crash: the same question either way. */
function deploymentAnnotation(): AnnotationBuilder {
  return eventAnnotation(
    'Starts of the API',
    'blue',
    'process_start_time_seconds{job="todo-backend"} * 1000',
    'API started',
    '{{instance}}',
  )
}

/** Verdicts of load runs at the moment when the run began, with the revision that was judged. */
function verdictAnnotation(): AnnotationBuilder {
  const facts =
    '(vigil_run_verdict == 1) * on (suite, environment, engine) group_left (revision) vigil_run_info'
  const when = `${facts} * on (suite, environment, engine) group_left () (vigil_run_started_timestamp_seconds * 1000)`
  return eventAnnotation(
    'Verdicts of load runs',
    'purple',
    when,
    'Load run {{suite}}: {{verdict}}',
    'revision {{revision}}, {{engine}}',
  )
}

/** While an alert fires: Grafana joins the samples that follow each other to a stretch. */
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
