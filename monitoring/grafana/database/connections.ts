import type { Row } from '../dashboard.ts'
import { aboveZero, timeSeries } from '../panels/index.ts'
import { apiLabels, databaseLabels } from './now.ts'

/** Between the API and PostgreSQL, and what its sessions do. */
export const connections: Row = {
  title: 'Connections and transactions',
  panels: [
    timeSeries({
      title: 'Pool of the API',
      description:
        'Pooled connections in use and idle, and queries waiting for one. Waiting while none ' +
        'is idle: the pool is the bottleneck. Look first for what occupies the connections.',
      queries: [
        { expr: `sum by (state) (db_pool_connections{${apiLabels}})`, legend: '{{state}}' },
        { expr: `sum(db_pool_waiting{${apiLabels}})`, legend: 'waiting' },
      ],
      unit: 'count',
      width: 8,
      alerts: ['DatabaseConnectionsHigh'],
    }),
    timeSeries({
      title: 'Sessions by state',
      description:
        'Sessions of PostgreSQL by state, and the maximum. A lasting "idle in transaction" ' +
        'holds locks and blocks vacuum.',
      queries: [
        { expr: `sum by (state) (pg_stat_activity_count{${databaseLabels}}) > 0`, legend: '{{state}}' },
        { expr: 'max(pg_settings_max_connections)', legend: 'max_connections' },
      ],
      unit: 'count',
      width: 8,
      dashed: ['max_connections'],
      alerts: ['DatabaseConnectionsHigh'],
    }),
    timeSeries({
      title: 'Connection failures',
      description:
        'Connections refused, lost or timed out, per minute and instance. One instance: its ' +
        'network. All: PostgreSQL.',
      queries: [
        {
          expr: `60 * sum by (instance) (rate(db_connection_errors_total{${apiLabels}}[$interval]))`,
          legend: '{{instance}}',
        },
      ],
      unit: 'perMinute',
      width: 8,
      limits: aboveZero('critical'),
      alerts: ['DatabaseConnectionFailures'],
    }),
    timeSeries({
      title: 'Transactions',
      description:
        'Transactions committed and rolled back per second. Many rollbacks: conflicts, ' +
        'deadlocks, or requests that time out.',
      queries: [
        {
          expr: `sum(rate(pg_stat_database_xact_commit{${databaseLabels}}[$interval]))`,
          legend: 'committed',
        },
        {
          expr: `sum(rate(pg_stat_database_xact_rollback{${databaseLabels}}[$interval]))`,
          legend: 'rolled back',
        },
      ],
      unit: 'perSecond',
      width: 8,
    }),
    timeSeries({
      title: 'Longest transaction',
      description:
        'Age of the oldest transaction, by state of its session. Minutes: a forgotten ' +
        'session or a migration; tables grow until it ends.',
      queries: [
        {
          expr:
            `max by (state) (pg_stat_activity_max_tx_duration{${databaseLabels}, ` +
            'state=~"active|idle in transaction.*"})',
          legend: '{{state}}',
        },
      ],
      unit: 'seconds',
      width: 8,
    }),
    timeSeries({
      title: 'Deadlocks and conflicts',
      description:
        'Deadlocks and recovery conflicts per minute. A deadlock ends one of the two ' +
        'transactions: two code paths lock the same rows in different order.',
      queries: [
        {
          expr: `60 * sum(rate(pg_stat_database_deadlocks{${databaseLabels}}[$interval]))`,
          legend: 'deadlocks',
        },
        {
          expr: `60 * sum(rate(pg_stat_database_conflicts{${databaseLabels}}[$interval]))`,
          legend: 'conflicts',
        },
      ],
      unit: 'perMinute',
      width: 8,
      limits: aboveZero('medium'),
    }),
  ],
}
