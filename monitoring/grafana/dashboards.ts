import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { apiPerformance } from './api-performance/index.ts'
import { database } from './database/index.ts'
import { synthetics } from './synthetics/index.ts'
import { system } from './system/index.ts'

/** Every dashboard that Grafana loads, by the name of its file. */
export function dashboards(): Record<string, Dashboard> {
  return Object.fromEntries(
    [apiPerformance(), database(), system(), synthetics()].map((dashboard) => [
      `${dashboard.uid}.json`,
      dashboard,
    ]),
  )
}

/** As it lies in its file. */
export function textOf(dashboard: Dashboard): string {
  return `${JSON.stringify(dashboard, null, 2)}\n`
}
