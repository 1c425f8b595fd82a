import type { Row } from '../dashboard.ts'
import { timeSeries } from '../panels/index.ts'
import { instanceLabels } from './now.ts'

/** What users do: the business metrics. */
export const business: Row = {
  title: 'Users and what they do',
  panels: [
    timeSeries({
      title: 'Active users',
      description:
        'Users with a request in the last 5 minutes, hour and day. Falling while the request rate stays: a few clients make all of it.',
      queries: [{ expr: `sum by (window) (users_active{${instanceLabels}})`, legend: 'last {{window}}' }],
      unit: 'count',
      width: 8,
      alerts: ['UsageTrend'],
    }),
    timeSeries({
      title: 'Authentication',
      description:
        'Registrations, logins and refreshes per second, by how they ended. Successes falling to nothing while failures rise: authentication is down.',
      queries: [
        {
          expr: `sum by (action, result) (rate(auth_attempts_total{${instanceLabels}}[$interval]))`,
          legend: '{{action}} {{result}}',
        },
      ],
      unit: 'perSecond',
      width: 8,
      none: 'Nobody registered or logged in',
      alerts: ['AuthenticationServiceDown', 'NewRegistrations'],
    }),
    timeSeries({
      title: 'Task operations',
      description:
        'Tasks created, read, listed, updated and deleted per second, by result. The mix is steady; a new shape is a new client.',
      queries: [
        {
          expr: `sum by (operation, result) (rate(task_operations_total{${instanceLabels}}[$interval]))`,
          legend: '{{operation}} {{result}}',
        },
      ],
      unit: 'perSecond',
      width: 8,
      none: 'No task operation',
    }),
    timeSeries({
      title: 'Exports and imports',
      description:
        'Exports and imports that ended per minute, by format and result. Failures of imports are mostly files with mistakes; failures of exports are ours.',
      queries: [
        {
          expr: `60 * sum by (format, result) (rate(export_total{${instanceLabels}}[$interval]))`,
          legend: 'export {{format}} {{result}}',
        },
        {
          expr: `60 * sum by (format, result) (rate(import_total{${instanceLabels}}[$interval]))`,
          legend: 'import {{format}} {{result}}',
        },
      ],
      unit: 'perMinute',
      width: 8,
      none: 'No export or import',
      alerts: ['FeatureAdoption'],
    }),
    timeSeries({
      title: 'Bulk operations: time',
      description:
        'p50 and p95 of bulk operations. They hold a transaction open: seconds here are locks there. Read it with their size.',
      queries: [0.5, 0.95].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (rate(bulk_operation_duration_seconds_bucket{${instanceLabels}}[$interval])))`,
        legend: `p${quantile * 100}`,
      })),
      unit: 'seconds',
      width: 8,
      none: 'No bulk operation',
    }),
    timeSeries({
      title: 'Bulk operations: size',
      description:
        'Items in a bulk operation: mean, and 95 % have fewer than the upper line. At most 500 are accepted.',
      queries: [
        {
          expr: `sum(rate(bulk_operation_items_sum{${instanceLabels}}[$interval])) / sum(rate(bulk_operation_items_count{${instanceLabels}}[$interval]))`,
          legend: 'mean',
        },
        {
          expr: `histogram_quantile(0.95, sum by (le) (rate(bulk_operation_items_bucket{${instanceLabels}}[$interval])))`,
          legend: 'p95',
        },
      ],
      unit: 'count',
      width: 8,
      none: 'No bulk operation',
    }),
  ],
}
