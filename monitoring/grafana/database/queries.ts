import type { Row } from '../dashboard.ts'
import { line, table, timeSeries, aboveZero } from '../panels/index.ts'
import { amongTop, apiLabels, queryLimits, databaseLabels } from './now.ts'

const few = 8
const overRange = (metric: string): string =>
  `sum by (query) (rate(db_query_duration_seconds_${metric}{${apiLabels}}[$__range] @ end()))`
const slowest = `${overRange('sum')} / (${overRange('count')} > 0)`
const perQuery = (metric: string): string =>
  `sum by (query) (rate(db_query_duration_seconds_${metric}{${apiLabels}}[$__rate_interval]))`
const slow =
  `60 * (${perQuery('count')} - on (query) sum by (query) ` +
  `(rate(db_query_duration_seconds_bucket{${apiLabels}, le="1"}[$__rate_interval])))`

const slowestStatements =
  'topk(10, sum by (datname, queryid) ' +
  '(rate(pg_stat_statements_seconds_total{user!="monitor"}[$__range])) / ' +
  '(sum by (datname, queryid) (rate(pg_stat_statements_calls_total{user!="monitor"}[$__range])) > 0))'

/** Queries by their names in the code, as the API measures them. */
export const queries: Row = {
  title: 'Queries',
  panels: [
    timeSeries({
      title: 'p95 by query',
      description:
        'Which query is slow. All of them: PostgreSQL lacks CPU or disk, or waits for locks. ' +
        'One: its plan changed, or its table grew (see index usage).',
      queries: [
        line(
          '{{query}}',
          amongTop(
            few,
            'histogram_quantile(0.95, sum by (le, query) ' +
              `(rate(db_query_duration_seconds_bucket{${apiLabels}}[$__rate_interval])))`,
            'query',
            slowest,
          ),
        ),
      ],
      ...queryLimits,
      width: 12,
    }),
    timeSeries({
      title: 'Mean by query',
      description: 'Mean time of the eight slowest queries. The alert on slow queries uses these values.',
      queries: [
        line('{{query}}', amongTop(few, `${perQuery('sum')} / (${perQuery('count')} > 0)`, 'query', slowest)),
      ],
      ...queryLimits,
      width: 12,
    }),
    timeSeries({
      title: 'Slow queries (over 1 s)',
      description:
        'Queries per minute that took longer than a second. Should be 0. The count shows how ' +
        'widespread the slowness is.',
      queries: [line('{{query}}', `label_replace(sum(${slow}), "query", "all", "", "") or ${slow} > 0`)],
      unit: 'perMinute',
      width: 12,
      alerts: ['DatabaseQueriesSlow'],
    }),
    timeSeries({
      title: 'Database time by query',
      description:
        'Seconds of database time per second, of the eight queries that take the most: how ' +
        'many connections each occupies. Optimize the highest first, even when a single run ' +
        'is fast.',
      queries: [line('{{query}}', amongTop(few, perQuery('sum'), 'query', overRange('sum')))],
      unit: 'seconds',
      width: 12,
      stacked: true,
    }),
    table({
      title: 'Slowest statements in PostgreSQL',
      description:
        'The statements in pg_stat_statements with the longest mean time, by the start of their ' +
        'text. Without those of the exporter. One without a text was executed after the texts were read.',
      queries: [
        {
          expr:
            `(${slowestStatements} * on (queryid) group_left (query) ` +
            'topk by (queryid) (1, pg_stat_statements_query_id)) or on (datname, queryid) ' +
            slowestStatements,
        },
      ],
      unit: 'seconds',
      width: 24,
      columns: { datname: 'Database', query: 'Statement' },
      value: 'Mean',
      alerts: ['DatabaseQueriesSlow'],
    }),
  ],
}

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
          `60 * sum by (instance) (rate(db_connection_errors_total{${apiLabels}}[$__rate_interval]))`,
        ),
      ],
      unit: 'perMinute',
      width: 8,
      limits: aboveZero('critical', 0.01),
      alerts: ['DatabaseConnectionFailures'],
    }),
    timeSeries({
      title: 'Transactions',
      description:
        'Transactions committed and rolled back per second. Many rollbacks: conflicts, ' +
        'deadlocks, or requests that time out.',
      queries: [
        line('committed', `sum(rate(pg_stat_database_xact_commit{${databaseLabels}}[$__rate_interval]))`),
        line('rolled back', `sum(rate(pg_stat_database_xact_rollback{${databaseLabels}}[$__rate_interval]))`),
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
        line('deadlocks', `60 * sum(rate(pg_stat_database_deadlocks{${databaseLabels}}[$__rate_interval]))`),
        line('conflicts', `60 * sum(rate(pg_stat_database_conflicts{${databaseLabels}}[$__rate_interval]))`),
      ],
      unit: 'perMinute',
      width: 8,
      limits: aboveZero('medium', 0.01),
    }),
  ],
}
