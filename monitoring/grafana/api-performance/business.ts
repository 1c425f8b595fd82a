import type { Row } from '../dashboard.ts'
import { timeSeries } from '../panels/index.ts'
import { instanceLabels } from './now.ts'

/** What users do: the business metrics. */
export const business: Row = {
  title: 'Users and their actions',
  panels: [
    timeSeries({
      title: 'Active users',
      description:
        'Users with a request in the last 5 minutes, hour and day. Falling at a constant ' +
        'request rate: a few clients send all requests.',
      queries: [{ expr: `sum by (window) (users_active{${instanceLabels}})`, legend: 'last {{window}}' }],
      unit: 'count',
      width: 8,
      alerts: ['UsageTrend'],
    }),
    timeSeries({
      title: 'Authentication',
      description:
        'Registrations, logins and refreshes per second, by result. No successes while ' +
        'failures rise: authentication is down.',
      queries: [
        {
          expr: `sum by (action, result) (rate(auth_attempts_total{${instanceLabels}}[$interval]))`,
          legend: '{{action}} {{result}}',
        },
      ],
      unit: 'perSecond',
      width: 8,
      none: 'No registration or login',
      alerts: ['AuthenticationServiceDown', 'NewRegistrations'],
    }),
    timeSeries({
      title: 'Task operations',
      description:
        'Tasks created, read, listed, updated and deleted per second, by result. The mix is ' +
        'stable. A new mix: a new client.',
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
        'Finished exports and imports per minute, by format and result. Most failed imports ' +
        'are invalid files. Failed exports are faults of the API.',
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
        'p50 and p95 of bulk operations. Each holds a transaction open: long ones hold ' +
        'locks. Compare with their size.',
      queries: [0.5, 0.95].map((quantile) => ({
        expr:
          `histogram_quantile(${quantile}, sum by (le) ` +
          `(rate(bulk_operation_duration_seconds_bucket{${instanceLabels}}[$interval])))`,
        legend: `p${quantile * 100}`,
      })),
      unit: 'seconds',
      width: 8,
      none: 'No bulk operation',
    }),
    timeSeries({
      title: 'Bulk operations: size',
      description: 'Items in a bulk operation: mean and p95. The API accepts at most 500.',
      queries: [
        {
          expr:
            `sum(rate(bulk_operation_items_sum{${instanceLabels}}[$interval])) / ` +
            `sum(rate(bulk_operation_items_count{${instanceLabels}}[$interval]))`,
          legend: 'mean',
        },
        {
          expr:
            'histogram_quantile(0.95, sum by (le) ' +
            `(rate(bulk_operation_items_bucket{${instanceLabels}}[$interval])))`,
          legend: 'p95',
        },
      ],
      unit: 'count',
      width: 8,
      none: 'No bulk operation',
    }),
  ],
}
