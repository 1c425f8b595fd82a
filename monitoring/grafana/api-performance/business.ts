import type { Row } from '../dashboard.ts'
import { line, quantileLines, timeSeries } from '../panels/index.ts'
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
      queries: [line('last {{window}}', `sum by (window) (users_active{${instanceLabels}})`)],
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
        line(
          '{{action}} {{result}}',
          `sum by (action, result) (rate(auth_attempts_total{${instanceLabels}}[$__rate_interval]))`,
        ),
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
        line(
          '{{operation}} {{result}}',
          `sum by (operation, result) (rate(task_operations_total{${instanceLabels}}[$__rate_interval]))`,
        ),
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
        line(
          'export {{format}} {{result}}',
          `60 * sum by (format, result) (rate(export_total{${instanceLabels}}[$__rate_interval]))`,
        ),
        line(
          'import {{format}} {{result}}',
          `60 * sum by (format, result) (rate(import_total{${instanceLabels}}[$__rate_interval]))`,
        ),
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
      queries: quantileLines(
        [0.5, 0.95],
        `rate(bulk_operation_duration_seconds_bucket{${instanceLabels}}[$__rate_interval])`,
      ),
      unit: 'seconds',
      width: 8,
      none: 'No bulk operation',
    }),
    timeSeries({
      title: 'Bulk operations: size',
      description: 'Items in a bulk operation: mean and p95. The API accepts at most 500.',
      queries: [
        line(
          'mean',
          `sum(rate(bulk_operation_items_sum{${instanceLabels}}[$__rate_interval])) / ` +
            `(sum(rate(bulk_operation_items_count{${instanceLabels}}[$__rate_interval])) > 0)`,
        ),
        line(
          'p95',
          'histogram_quantile(0.95, sum by (le) ' +
            `(rate(bulk_operation_items_bucket{${instanceLabels}}[$__rate_interval])))`,
        ),
      ],
      unit: 'count',
      width: 8,
      none: 'No bulk operation',
    }),
  ],
}
