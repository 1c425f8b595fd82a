import { constant, counter, gauge, seriesValues, steady } from '../../prometheus/timeline.ts'
import type { SeriesTimeline } from '../../prometheus/timeline.ts'

const jobs = ['todo-backend', 'node-exporter', 'postgres-exporter', 'process-exporter', 'pushgateway']
const route = (name: string, status: number): string =>
  `http_requests_total{job="todo-backend",instance="todo-backend:1",route="${name}",status="${status}"}`
const bucket = (le: string): string =>
  `http_request_duration_seconds_bucket{job="todo-backend",route="/tasks",le="${le}"}`
const probe = (name: string): string => `vigil_probe_success{job="vigil-probes",probe="${name}"}`
const attempts = (result: string): string =>
  `auth_attempts_total{job="todo-backend",action="login",result="${result}"}`
const query = (part: 'sum' | 'count'): string =>
  `db_query_duration_seconds_${part}{job="todo-backend",query="tasks.list"}`

const buckets = ['0.5', '1', '2', '5', '10', '+Inf'].map(bucket)

/** Everything works: 45 user requests in 15 s, logins, probes, and what the rules about monitoring read. */
const healthy: readonly SeriesTimeline[] = [
  ...[...jobs, 'vigil-probes', 'alertmanager'].map((job) =>
    steady(`up{job="${job}",instance="${job}:1"}`, 'gauge', 1),
  ),
  steady('vigil_drill_last_success_timestamp_seconds', 'age', 60),
  steady('node_memory_MemAvailable_bytes{job="node-exporter",instance="node-exporter:1"}', 'gauge', 3e9),
  steady('node_memory_MemTotal_bytes{job="node-exporter",instance="node-exporter:1"}', 'gauge', 4e9),
  steady('pg_up{job="postgres-exporter",instance="postgres-exporter:1"}', 'gauge', 1),
  constant(route('/health', 200), 2),
  constant(route('/tasks', 200), 43),
  constant(route('/tasks', 503), 0),
  constant(attempts('success'), 5),
  constant(attempts('error'), 0),
  constant('db_connection_errors_total{job="todo-backend"}', 0),
  constant(query('sum'), 0.2),
  constant(query('count'), 43),
  ...buckets.map((series) => constant(series, 43)),
  ...['health', 'ready', 'auth-flow', 'task-crud', 'export-import'].map((name) =>
    steady(probe(name), 'gauge', 1),
  ),
]

/** The healthy series, with those that a fault changes. */
function during(...changed: readonly SeriesTimeline[]): SeriesTimeline[] {
  const names = new Set(changed.map(({ series }) => series))
  return [...healthy.filter(({ series }) => !names.has(series)), ...changed]
}

/** Of 43 requests in 15 s, this many fail. */
function failing(each: number): SeriesTimeline[] {
  return [counter(route('/tasks', 200), 43, 43 - each, 43), counter(route('/tasks', 503), 0, each, 0)]
}

/** Of 43 requests in 15 s, this many take longer than `le` and not longer than the next bucket. */
function slower(le: string, each: number): SeriesTimeline[] {
  return ['0.5', '1', '2', '5', '10']
    .filter((bound) => Number(bound) <= Number(le))
    .map((bound) => counter(bucket(bound), 43, 43 - each, 43))
}

const disk = (name: string): string =>
  `node_filesystem_${name}{instance="node-exporter:1",device="vda",fstype="ext4",mountpoint="/"}`
const flapping = (name: string): SeriesTimeline => ({ ...gauge(probe(name), 1, 1, 1), every: '75s' })

const failedLogins = [counter(attempts('success'), 5, 0, 5), counter(attempts('error'), 0, 5, 0)]
const down = (...names: readonly string[]): SeriesTimeline[] =>
  names.map((name) => gauge(probe(name), 1, 0, 1))

/** What Prometheus scrapes before, during and after each kind of outage. */
export const outages = {
  'the database is down': during(
    gauge('pg_up{job="postgres-exporter",instance="postgres-exporter:1"}', 1, 0, 1),
    counter('db_connection_errors_total{job="todo-backend"}', 0, 40, 0),
    ...failing(43),
    ...failedLogins,
    ...down('ready', 'auth-flow', 'task-crud', 'export-import'),
  ),
  'the API cannot reach the database': during(
    counter('db_connection_errors_total{job="todo-backend"}', 0, 40, 0),
    ...failing(43),
    ...failedLogins,
    ...down('ready', 'auth-flow', 'task-crud', 'export-import'),
  ),
  'the database is slow': during(counter(query('sum'), 0.2, 60, 0.2), ...slower('2', 40)),
  'authentication is down': during(
    ...failing(30),
    ...failedLogins,
    ...down('auth-flow', 'task-crud', 'export-import'),
  ),
  'the API is down': during(
    gauge('up{job="todo-backend",instance="todo-backend:1"}', 1, 0, 1),
    ...[route('/health', 200), route('/tasks', 200)].map((series) => counter(series, 43, 0, 43)),
    counter(attempts('success'), 5, 0, 5),
    ...down('health', 'ready', 'auth-flow', 'task-crud', 'export-import'),
  ),
  'one endpoint is slow': during(...slower('5', 13)),
  'one endpoint fails': during(...failing(11)),
  'one endpoint fails, and another is slow': during(...failing(11), ...slower('5', 13)),
  'few requests fail': during(...failing(1.3)),
  // In a window of 5 minutes, their share is first above the lower limit, then above the higher one.
  'one request in fourteen fails': during(...failing(3.1)),
  'memory runs out': during(
    gauge('node_memory_MemAvailable_bytes{job="node-exporter",instance="node-exporter:1"}', 3e9, 0.2e9, 3e9),
  ),
  'the disk is full': during(
    gauge(disk('avail_bytes'), 40e9, 0.5e9, 40e9),
    steady(disk('size_bytes'), 'gauge', 100e9),
    steady(disk('readonly'), 'gauge', 0),
  ),
  'hardly any traffic': during(
    steady('job:user_requests:usual1h', 'gauge', 43 / 15),
    ...[route('/tasks', 200), ...buckets].map((series) => counter(series, 43, 6, 43)),
  ),
  // They fail four times, and succeed once: each failure could be the beginning of an outage.
  'two probes flap': during(...['health', 'task-crud'].map(flapping)),
  'the health probe flaps, and an endpoint fails': during(flapping('health'), ...failing(11)),
  'two outages: the database, and memory': during(
    gauge('pg_up{job="postgres-exporter",instance="postgres-exporter:1"}', 1, 0, 1),
    counter('db_connection_errors_total{job="todo-backend"}', 0, 40, 0),
    ...failing(43),
    ...failedLogins,
    gauge('node_memory_MemAvailable_bytes{job="node-exporter",instance="node-exporter:1"}', 3e9, 0.2e9, 3e9),
  ),
} satisfies Record<string, SeriesTimeline[]>

/**
 * Two outages, one after the other: what Prometheus scrapes during both. Counters begin again at zero between
 * them, as after a restart of the API.
 *
 * @param minutes of each: before it, while it lasts, and after it
 */
export function inSequence(
  stepMs: number,
  ...parts: readonly { outage: keyof typeof outages; minutes: readonly number[] }[]
): { series: string; values: string }[] {
  const names = new Set(parts.flatMap(({ outage }) => outages[outage].map(({ series }) => series)))
  return [...names].map((series) => ({
    series,
    values: parts
      .map(({ outage, minutes }) => {
        const own: readonly SeriesTimeline[] = outages[outage]
        const timeline = own.find((one) => one.series === series)
        if (timeline === undefined) throw new Error(`${series}: expected it in ${outage}, too`)
        return seriesValues(
          timeline,
          minutes.map((each) => (each * 60_000) / stepMs),
          stepMs,
        )
      })
      .join(' '),
  }))
}
