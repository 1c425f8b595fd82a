import config from '../../../vigil.config.ts'
import { parseCadence } from '../../../config/index.ts'
import { computeHoldsUntil, computeOverdue } from '../../../synthetics/schedule/index.ts'
import { stepMs } from './night.ts'

interface Samples {
  series: string
  values: string
}

/** An hour, and half of another: some alerts fire an hour after their reason. */
const steps = 360

/** The value of each evaluation; `undefined`: absent. The time is since the start of everything. */
function samples(series: string, valueAt: (atMs: number) => number | undefined): Samples {
  const values = Array.from({ length: steps }, (_, step) => valueAt(step * stepMs) ?? '_')
  return { series, values: values.join(' ') }
}

/** Absent until the target has started and is scraped for the first time. */
function since(firstMs: number, series: string, value: number, perMinute = 0): Samples {
  return samples(series, (atMs) =>
    atMs < firstMs ? undefined : Number((value + (perMinute * (atMs - firstMs)) / 60_000).toFixed(3)),
  )
}

/** What the scheduler exposes of a probe: it runs at its due times, and has no result before that. */
function probeSamples(name: string, every: string, timeoutMs: number): Samples[] {
  const parsed = parseCadence(every)
  if (parsed.state !== 'ok') throw new Error(parsed.problem)
  const { cadence } = parsed
  // Everything starts a moment after the full hour: the first due time is a whole interval away.
  const startedMs = 61_000
  const lastDue = (atMs: number): number | undefined => {
    let last: number | undefined
    for (let due = cadence.next(startedMs); due + 5000 <= startedMs + atMs; due = cadence.next(due))
      last = due
    return last
  }
  const label = `{job="vigil-probes",instance="vigil-probes:9464",probe="${name}"}`
  const toSeconds = (wallMs: number): number => (wallMs - startedMs) / 1000
  return [
    samples(`vigil_probe_next_due_timestamp_seconds${label}`, (atMs) =>
      toSeconds(computeOverdue(lastDue(atMs) ?? startedMs, cadence, timeoutMs)),
    ),
    samples(`vigil_probe_valid_until_timestamp_seconds${label}`, (atMs) => {
      const due = lastDue(atMs)
      return due === undefined ? undefined : toSeconds(computeHoldsUntil(due, cadence))
    }),
    samples(`vigil_probe_success${label}`, (atMs) => (lastDue(atMs) === undefined ? undefined : 1)),
  ]
}

const backend = 'job="todo-backend",instance="todo-backend:1"'
const jobs = ['todo-backend', 'node-exporter', 'postgres-exporter', 'process-exporter', 'pushgateway']

/**
 * The first hour of a fresh deployment, as Prometheus scrapes it: targets that start one after the other,
 * requests of the probes only, alerts that are dropped while Alertmanager starts, no drill and no push ever.
 */
export function firstHour(): Samples[] {
  return [
    ...[...jobs, 'vigil-probes', 'alertmanager', 'prometheus'].map((job, index) =>
      samples(`up{job="${job}",instance="${job}:1"}`, (atMs) => (atMs < index * 5000 ? 0 : 1)),
    ),
    ...Object.entries(config.probes ?? {}).flatMap(([name, { every = '', timeoutMs = 10_000 }]) =>
      probeSamples(name, every, timeoutMs),
    ),
    samples('vigil_probe_heartbeat_timestamp_seconds{instance="vigil-probes:9464"}', (atMs) => atMs / 1000),
    // Not ready for the first moment: the database starts, too.
    since(15_000, `http_requests_total{${backend},route="/health/ready",status="503"}`, 2),
    ...[
      ['/health', 4],
      ['/metrics', 6],
      ['/tasks', 9],
    ].map(([route, perMinute]) =>
      since(30_000, `http_requests_total{${backend},route="${route}",status="200"}`, 1, Number(perMinute)),
    ),
    ...['0.1', '1', '5', '+Inf'].map((le) =>
      since(30_000, `http_request_duration_seconds_bucket{${backend},route="/tasks",le="${le}"}`, 1, 9),
    ),
    since(30_000, `db_query_duration_seconds_sum{${backend},query="tasks.page"}`, 0.2, 0.05),
    since(30_000, `db_query_duration_seconds_count{${backend},query="tasks.page"}`, 1, 9),
    since(15_000, `db_connection_errors_total{${backend}}`, 0),
    since(300_000, `auth_attempts_total{${backend},action="login",result="success"}`, 1, 0.4),
    since(300_000, `auth_attempts_total{${backend},action="login",result="failure"}`, 1, 0.2),
    since(60_000, `user_registrations_total{${backend}}`, 1, 1.8),
    ...['auth-flow', 'task-crud', 'export-import', 'authorization'].map((probe, index) =>
      since(60_000, `vigil_probe_runs_total{probe="${probe}",outcome="up"}`, 1, [0.2, 1, 0.2, 0.2][index]),
    ),
    since(300_000, `access_denied_total{${backend},kind="cross_user"}`, 3, 0.6),
    since(300_000, `access_denied_total{${backend},kind="unauthenticated"}`, 3, 0.6),
    since(15_000, `rate_limit_config_info{${backend},policy="user",limit="100",window="1m"}`, 1),
    since(15_000, `rate_limit_utilization_ratio{${backend},policy="user"}`, 0.3),
    since(60_000, `users_active{${backend},window="24h"}`, 1, 1.8),
    since(300_000, `feature_users{${backend},feature="export"}`, 1, 0.2),
    since(15_000, `process_resident_memory_bytes{${backend}}`, 180e6),
    since(15_000, `db_pool_connections{${backend},state="in_use"}`, 1),
    since(15_000, `db_pool_connections{${backend},state="idle"}`, 9),
    since(15_000, 'node_memory_MemAvailable_bytes{job="node-exporter",instance="node-exporter:1"}', 3e9),
    since(15_000, 'node_memory_MemTotal_bytes{job="node-exporter",instance="node-exporter:1"}', 4e9),
    since(15_000, 'pg_up{job="postgres-exporter",instance="postgres-exporter:1"}', 1),
    samples('prometheus_notifications_dropped_total{job="prometheus"}', (atMs) => Math.min(4, atMs / stepMs)),
    since(15_000, 'prometheus_config_last_reload_successful{job="prometheus"}', 1),
    since(15_000, 'alertmanager_config_last_reload_successful{job="alertmanager"}', 1),
    since(15_000, 'alertmanager_notifications_failed_total{integration="email"}', 0),
  ]
}
