import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { runbookOf } from '../alerts.ts'
import type { Query } from './query.ts'
import type { Limits } from './thresholds.ts'
import type { Unit } from './units.ts'

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
    panel.links(options.alerts.map((alert) => linkTo(`Runbook: ${alert}`, runbookOf(alert))))
}

export function linkTo(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true)
}
