import type { Row } from '../dashboard.ts'
import { aboveZero, alertedBy, line, stat, stateMapping } from '../panels/index.ts'

/** Labels of the API instances that the reader chose. */
export const apiLabels = 'job="todo-backend", instance=~"$instance"'
/** Labels of the databases that the reader chose, without templates and shared objects. */
export const databaseLabels = 'datname=~"$database", datname!~"|template.*"'

/**
 * Those of `series` whose `by` is among the few with the most of `rank` over the whole range: a fixed choice.
 * A plain
 * topk would choose others at each point and draw all of them in pieces.
 *
 * @param rank an instant vector; its windows are the range, and its moment is the range's end
 */
export function amongTop(count: number, series: string, by: string, rank: string): string {
  return `${series} and on (${by}) topk(${count}, ${rank})`
}

/** Unit, limits and runbooks of every panel of the time of queries, and of connections in use. */
export const queryLimits = { unit: 'seconds', ...alertedBy(['DatabaseQueriesSlow']) } as const
const connectionLimits = { unit: 'ratio', ...alertedBy(['DatabaseConnectionsHigh']) } as const

/** Availability, latency and saturation of the database. */
export const now: Row = {
  title: 'Right now',
  panels: [
    stat({
      title: 'PostgreSQL',
      description:
        'Whether the exporter can reach PostgreSQL. Down while the API still works: the ' +
        "exporter's own access is the problem.",
      queries: [line('PostgreSQL', 'min(pg_up)')],
      unit: 'plain',
      width: 3,
      mappings: [stateMapping({ 0: { name: 'down', colour: 'red' }, 1: { name: 'up', colour: 'green' } })],
      alerts: ['DatabaseUnreachable'],
    }),
    stat({
      title: 'Connection failures (5 min)',
      description:
        'Connections refused, lost or timed out, as the API counts them. Above 0: PostgreSQL ' +
        'is down or has no free connection, or the network fails.',
      queries: [line('failures', `sum(increase(db_connection_errors_total{${apiLabels}}[5m]))`)],
      unit: 'count',
      width: 4,
      limits: aboveZero('critical'),
      alerts: ['DatabaseConnectionFailures'],
    }),
    stat({
      title: 'Slowest query, mean (5 min)',
      description:
        'Mean time of the query that is slowest on average, without the wait for a ' +
        'connection. The alert limit is 1 s; milliseconds are usual. The row below shows ' +
        'which query it is.',
      queries: [
        line(
          'mean',
          `max(sum by (query) (rate(db_query_duration_seconds_sum{${apiLabels}}[5m])) / (sum ` +
            `by (query) (rate(db_query_duration_seconds_count{${apiLabels}}[5m])) > 0))`,
        ),
      ],
      ...queryLimits,
      width: 4,
    }),
    stat({
      title: 'Pool in use',
      description:
        "Share of the API's pooled connections in use. Above 80 %: requests begin to queue. " +
        'The usual cause is slow queries, rarely a small pool.',
      queries: [
        line(
          'in use',
          `sum(db_pool_connections{${apiLabels}, state="in_use"}) / ` +
            `sum(db_pool_connections{${apiLabels}})`,
        ),
      ],
      ...connectionLimits,
      width: 4,
    }),
    stat({
      title: 'Queries waiting',
      description: 'Queries that wait for a connection now. Each of them blocks a request.',
      queries: [line('waiting', `sum(db_pool_waiting{${apiLabels}})`)],
      unit: 'count',
      width: 3,
      limits: aboveZero('medium'),
    }),
    stat({
      title: 'Server connections',
      description:
        'Share of max_connections in use, over all databases. At 100 % no new session is ' +
        'possible, not even yours: keep a superuser session open.',
      queries: [line('in use', 'sum(pg_stat_activity_count) / max(pg_settings_max_connections)')],
      ...connectionLimits,
      width: 3,
    }),
    stat({
      title: 'Size',
      description:
        'Size of the chosen databases on disk. The system dashboard shows how long the disk will last.',
      queries: [line('size', `sum(pg_database_size_bytes{${databaseLabels}})`)],
      unit: 'bytes',
      width: 3,
      alerts: ['DiskSpaceLow'],
    }),
  ],
}
