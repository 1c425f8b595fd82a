import { alertCase, constant, counter, gauge, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

const ok = 'http_requests_total{job="todo-backend",route="/tasks",status="200"}'
const userLimit = (limit: number): string =>
  `rate_limit_config_info{policy="user",limit="${limit}",window="60s"}`

const resident = 'process_resident_memory_bytes{job="todo-backend",instance="backend:8000"}'
const available = 'node_memory_MemAvailable_bytes{instance="node-exporter:9100"}'
const total = steady('node_memory_MemTotal_bytes{instance="node-exporter:9100"}', 'gauge', 4e9)
const onNode = { of: 'node', instance: 'node-exporter:9100' }
const inProcess = { of: 'process', job: 'todo-backend', instance: 'backend:8000' }
const activity = (state: string): string =>
  `pg_stat_activity_count{instance="postgres-exporter:9187",datname="todo",state="${state}"}`

export const componentCases: readonly AlertCase[] = [
  alertCase('DatabaseConnectionFailures', '90s', {
    timelines: [counter('db_connection_errors_total{job="todo-backend"}', 0.29, 6, 0)],
    summary: '0.20 database connections fail per second',
    description:
      'Connections of the API to its database are refused, lost or time out: 0.20 per ' +
      'second over the last minute.',
  }),
  alertCase('DatabaseUnreachable', '1m', {
    timelines: [gauge('pg_up{job="postgres-exporter",instance="postgres-exporter:9187"}', 1, 0, 1)],
    labels: { job: 'postgres-exporter', instance: 'postgres-exporter:9187' },
    summary: 'The exporter cannot reach PostgreSQL (pg_up is 0)',
    description: 'The exporter postgres-exporter:9187 cannot log in to PostgreSQL.',
  }),
  alertCase('AuthenticationServiceDown', '1m', {
    timelines: [
      counter('auth_attempts_total{action="login",result="error",reason="unavailable"}', 0.49, 9, 0),
      counter('auth_attempts_total{action="login",result="success",reason="none"}', 0.5, 1, 1),
    ],
    quiet: {
      'wrong passwords only': [
        constant('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 50),
      ],
      'errors, but hardly any': [
        constant('auth_attempts_total{action="login",result="error",reason="unavailable"}', 0.25),
      ],
    },
    summary: '90% of logins, registrations and refreshes fail with an error',
    description:
      'Authentication is down: 90% of attempts within 2 minutes, or of the probe ' +
      'auth-flow, failed with an error that the caller did not cause.',
  }),
  alertCase('AuthenticationServiceDown', '1m', {
    timelines: [gauge('vigil_probe_success{probe="auth-flow"}', 1, 0, 1)],
    summary: '100% of logins, registrations and refreshes fail with an error',
    description:
      'Authentication is down: 100% of attempts within 2 minutes, or of the probe ' +
      'auth-flow, failed with an error that the caller did not cause.',
  }),
  alertCase('RateLimitBypassed', '1m', {
    timelines: [
      gauge('vigil_probe_step_success{probe="rate-limit",step="policy"}', 1, 1, 1),
      gauge('vigil_probe_step_success{probe="rate-limit",step="refused"}', 1, 0, 1),
    ],
    labels: { probe: 'rate-limit', step: 'refused' },
    quiet: {
      'the probe could not log in': [
        steady('vigil_probe_step_success{probe="rate-limit",step="login"}', 'gauge', 0),
      ],
    },
    summary: 'Rate limiting is bypassed: step refused of the probe was not rejected (success 0)',
    description: 'The probe rate-limit exceeded its limit and was not rejected.',
  }),
  // Two users with 100 and 300 requests a minute in all; who is refused does not count.
  alertCase('RateLimitBypassed', '1m', {
    timelines: [
      counter(ok, 145, 2000, 50),
      steady(ok.replace('200', '429'), 'counter', 5000),
      steady('users_active{window="5m"}', 'gauge', 2),
      steady(userLimit(100), 'gauge', 1),
    ],
    quiet: {
      'a load test with limits raised': [
        constant(ok, 5000),
        steady('users_active{window="5m"}', 'gauge', 2),
        steady(userLimit(100_000), 'gauge', 1),
      ],
    },
    summary: 'Rate limiting is bypassed: 2k requests per user and minute are accepted (limit 100)',
    description: 'On average, active users got 2k responses a minute each over 5 minutes.',
  }),
  alertCase('DatabaseQueriesSlow', '2m', {
    timelines: [
      counter('db_query_duration_seconds_sum{query="tasks.list"}', 4.95, 15, 1),
      counter('db_query_duration_seconds_count{query="tasks.list"}', 5, 5, 5),
      steady('db_query_duration_seconds_sum{query="tasks.read"}', 'counter', 1),
      steady('db_query_duration_seconds_count{query="tasks.read"}', 'counter', 1000),
    ],
    labels: { query: 'tasks.list' },
    quiet: {
      'a slow query that hardly ever runs': [
        constant('db_query_duration_seconds_sum{query="exports.purge"}', 1),
        constant('db_query_duration_seconds_count{query="exports.purge"}', 0.27),
      ],
    },
    summary: 'Query tasks.list takes 3s on average (limit 1s)',
    description: 'The mean time of the query tasks.list over 5 minutes is 3s.',
  }),
  alertCase('MemoryNearlyExhausted', '5m', {
    timelines: [gauge(resident, 460e6, 480e6, 200e6), steady(available, 'gauge', 2e9), total],
    labels: inProcess,
    quiet: { 'another process': [steady('process_resident_memory_bytes{job="prometheus"}', 'gauge', 5e9)] },
    summary: '93.75% of the memory of process backend:8000 is in use (limit 90%)',
    description: 'Memory of the process backend:8000: 93.75% for 5 minutes.',
  }),
  alertCase('MemoryNearlyExhausted', '5m', {
    timelines: [gauge(available, 0.41e9, 0.2e9, 3e9), total],
    labels: onNode,
    summary: '95% of the memory of node node-exporter:9100 is in use (limit 90%)',
    description: 'Memory of the node node-exporter:9100: 95% for 5 minutes.',
  }),
  alertCase('MemoryHigh', '10m', {
    timelines: [gauge(available, 1.01e9, 0.8e9, 3e9), total],
    labels: onNode,
    summary: '80% of the memory of node node-exporter:9100 is in use (limit 75%)',
    description: 'Memory of the node node-exporter:9100: 80% for 10 minutes.',
  }),
  alertCase('MemoryHigh', '10m', {
    timelines: [gauge(resident, 380e6, 400e6, 200e6)],
    labels: inProcess,
    summary: '78.12% of the memory of process backend:8000 is in use (limit 75%)',
    description: 'Memory of the process backend:8000: 78.12% for 10 minutes.',
  }),
  alertCase('DiskSpaceLow', '5m', {
    timelines: disk(),
    labels: { device: '/dev/vda', fstype: 'ext4', mountpoint: '/', instance: 'node-exporter:9100' },
    summary: '8% of / on node-exporter:9100 is free (limit 10%)',
    description: 'The file system / (/dev/vda) has 8% of its space available.',
  }),
  alertCase('RateLimitNearlyReached', '5m', {
    timelines: [gauge('rate_limit_utilization_ratio{policy="user"}', 0.79, 0.95, 0.1)],
    labels: { policy: 'user' },
    quiet: {
      'the probe, once in 5 minutes': [
        { ...steady('rate_limit_utilization_ratio{policy="user"}', 'gauge', 1), every: '5m' },
      ],
    },
    summary: 'The busiest caller uses 95% of the rate limit user (limit 80%)',
    description: 'One caller used 95% of the limit user within a minute, repeatedly for 5 minutes.',
  }),
  alertCase('DatabaseConnectionsHigh', '5m', {
    timelines: [
      gauge('db_pool_connections{instance="backend:8000",state="in_use"}', 79, 95, 10),
      gauge('db_pool_connections{instance="backend:8000",state="idle"}', 21, 5, 90),
    ],
    labels: { of: 'pool', instance: 'backend:8000' },
    summary: '95% of the database connections of the pool backend:8000 are in use (limit 80%)',
    description: 'Connections of the pool: 95% over 5 minutes. When none is free, requests wait.',
  }),
  alertCase('DatabaseConnectionsHigh', '5m', {
    timelines: [
      gauge(activity('active'), 39, 60, 5),
      steady(activity('idle'), 'gauge', 40),
      steady('pg_settings_max_connections{instance="postgres-exporter:9187"}', 'gauge', 100),
    ],
    labels: { of: 'server', instance: 'postgres-exporter:9187' },
    summary: '100% of the database connections of the server postgres-exporter:9187 are in use (limit 80%)',
    description: 'Connections of the server: 100% over 5 minutes. When none is free, requests wait.',
  }),
  alertCase('AuthenticationFailuresHigh', '2m', {
    timelines: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 49.9, 100, 1),
    ],
    summary: '200 authentication attempts fail per minute (limit 100)',
    description: '200 logins, registrations and refreshes per minute were rejected over 2 minutes.',
  }),
]

function of(metric: string, device: string, fstype: string, mountpoint: string): string {
  const labels = `device="${device}",fstype="${fstype}",mountpoint="${mountpoint}"`
  return `node_filesystem_${metric}{instance="node-exporter:9100",${labels}}`
}

/** The disk that fills up, and in addition one in memory and one read-only, both always full. */
function disk(): SeriesTimeline[] {
  const full = (device: string, fstype: string, mountpoint: string, readonly: number): SeriesTimeline[] => [
    steady(of('avail_bytes', device, fstype, mountpoint), 'gauge', 0),
    steady(of('size_bytes', device, fstype, mountpoint), 'gauge', 100),
    steady(of('readonly', device, fstype, mountpoint), 'gauge', readonly),
  ]
  return [
    gauge(of('avail_bytes', '/dev/vda', 'ext4', '/'), 10.1e9, 8e9, 50e9),
    steady(of('size_bytes', '/dev/vda', 'ext4', '/'), 'gauge', 100e9),
    steady(of('readonly', '/dev/vda', 'ext4', '/'), 'gauge', 0),
    ...full('tmpfs', 'tmpfs', '/run', 0),
    ...full('/dev/vdb', 'ext4', '/media', 1),
  ]
}
