import type { Row } from '../dashboard.ts'
import { above, aboveZero, stat, stateMapping } from '../panels/index.ts'

/** The API's own view of its database, of the instances that the reader chose. */
export const apiLabels = 'job="todo-backend", instance=~"$instance"'
/** PostgreSQL's view of the databases that the reader chose; its templates are nobody's, and what it shares has no name. */
export const databaseLabels = 'datname=~"$database", datname!~"|template.*"'

/**
 * Those of `series` whose `by` is among the few with the most of `rank` over the whole range: a fixed choice for the
 * picture, where a bare topk would choose anew at each point and draw all of them in pieces.
 *
 * @param rank an instant vector; its windows are the range, and its moment is the range's end
 */
export function amongTop(count: number, series: string, by: string, rank: string): string {
  return `${series} and on (${by}) topk(${count}, ${rank})`
}

/** Is it there, is it slow, is it full. */
export const now: Row = {
  title: 'Right now',
  panels: [
    stat({
      title: 'PostgreSQL',
      description:
        "Whether the exporter reaches PostgreSQL. Down while the API still answers: the exporter's own access is the problem.",
      queries: [{ expr: 'min(pg_up)', legend: 'PostgreSQL' }],
      unit: 'plain',
      width: 3,
      mappings: [stateMapping({ 0: { name: 'down', colour: 'red' }, 1: { name: 'up', colour: 'green' } })],
      alerts: ['DatabaseUnreachable'],
    }),
    stat({
      title: 'Connection failures (5 min)',
      description:
        'Connections refused, lost or silent, as the API counted them. Anything but 0: PostgreSQL is away, full, or the network between is.',
      queries: [{ expr: `sum(increase(db_connection_errors_total{${apiLabels}}[5m]))`, legend: 'failures' }],
      unit: 'count',
      width: 4,
      limits: aboveZero('critical'),
      alerts: ['DatabaseConnectionFailures'],
    }),
    stat({
      title: 'Slowest query, mean (5 min)',
      description:
        'Mean time of the query that is slowest on average, without the wait for a connection. The alert begins at 1 s; milliseconds are usual. Which one it is: below.',
      queries: [
        {
          expr: `max(sum by (query) (rate(db_query_duration_seconds_sum{${apiLabels}}[5m])) / (sum by (query) (rate(db_query_duration_seconds_count{${apiLabels}}[5m])) > 0))`,
          legend: 'mean',
        },
      ],
      unit: 'seconds',
      width: 4,
      limits: above(['DatabaseQueriesSlow']),
      alerts: ['DatabaseQueriesSlow'],
    }),
    stat({
      title: 'Pool in use',
      description:
        'Share of the places in the connection pools of the API that are taken. Above 80 %: requests begin to queue. Slow queries are the usual cause, a small pool seldom.',
      queries: [
        {
          expr: `sum(db_pool_connections{${apiLabels}, state="in_use"}) / sum(db_pool_connections{${apiLabels}})`,
          legend: 'in use',
        },
      ],
      unit: 'ratio',
      width: 4,
      limits: above(['DatabaseConnectionsHigh']),
      alerts: ['DatabaseConnectionsHigh'],
    }),
    stat({
      title: 'Queries waiting',
      description:
        'Queries that wait for a connection at this moment. Each of them is a request that stands still.',
      queries: [{ expr: `sum(db_pool_waiting{${apiLabels}})`, legend: 'waiting' }],
      unit: 'count',
      width: 3,
      limits: aboveZero('medium'),
    }),
    stat({
      title: 'Server connections',
      description:
        'Share of max_connections in use, over all databases. At 100 % nobody gets in, not even you: keep a superuser session open.',
      queries: [{ expr: 'sum(pg_stat_activity_count) / max(pg_settings_max_connections)', legend: 'in use' }],
      unit: 'ratio',
      width: 3,
      limits: above(['DatabaseConnectionsHigh']),
      alerts: ['DatabaseConnectionsHigh'],
    }),
    stat({
      title: 'Size',
      description: 'Size of the chosen databases on disk. How long the disk lasts: the system dashboard.',
      queries: [{ expr: `sum(pg_database_size_bytes{${databaseLabels}})`, legend: 'size' }],
      unit: 'bytes',
      width: 3,
      alerts: ['DiskSpaceLow'],
    }),
  ],
}
