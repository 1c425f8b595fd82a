import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { alerts, deployments, verdicts } from './annotations.ts'
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
export function dashboardOf({ uid, title, description, variables, rows }: DashboardOptions): Dashboard {
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
    .annotations([alerts(), deployments(), verdicts()])
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
