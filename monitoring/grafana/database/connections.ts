import type { Row } from '../dashboard.ts'
import { aboveZero, line, timeSeries } from '../panels/index.ts'
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
        line('{{state}}', `sum by (state) (db_pool_connections{${apiLabels}})`),
        line('waiting', `sum(db_pool_waiting{${apiLabels}})`),
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
        line('{{state}}', `sum by (state) (pg_stat_activity_count{${databaseLabels}}) > 0`),
        line('max_connections', 'max(pg_settings_max_connections)'),
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
        line(
          '{{instance}}',
          `60 * sum by (instance) (rate(db_connection_errors_total{${apiLabels}}[$interval]))`,
        ),
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
        line('committed', `sum(rate(pg_stat_database_xact_commit{${databaseLabels}}[$interval]))`),
        line('rolled back', `sum(rate(pg_stat_database_xact_rollback{${databaseLabels}}[$interval]))`),
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
        line(
          '{{state}}',
          `max by (state) (pg_stat_activity_max_tx_duration{${databaseLabels}, ` +
            'state=~"active|idle in transaction.*"})',
        ),
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
        line('deadlocks', `60 * sum(rate(pg_stat_database_deadlocks{${databaseLabels}}[$interval]))`),
        line('conflicts', `60 * sum(rate(pg_stat_database_conflicts{${databaseLabels}}[$interval]))`),
      ],
      unit: 'perMinute',
      width: 8,
      limits: aboveZero('medium'),
    }),
  ],
}
