import { counter, gauge, steady } from './case.ts'
import type { AlertCase, Course } from './case.ts'

const ok = 'http_requests_total{job="todo-backend",route="/tasks",status="200"}'
const failed = 'http_requests_total{job="todo-backend",route="/tasks",status="503"}'
const bucket = (le: string): string =>
  `http_request_duration_seconds_bucket{job="todo-backend",route="/tasks",le="${le}"}`

const userLimit = (limit: number): string =>
  `rate_limit_config_info{policy="user",limit="${limit}",window="60s"}`

function constant(series: string, each: number): Course {
  return steady(series, 'counter', each)
}

/** Requests a step, of which so many failed. */
function failing(below: number, over: number, requests = 100): Course[] {
  return [counter(ok, requests - below, requests - over, requests), counter(failed, below, over, 0)]
}

/** Just below the floor: all of so few requests fail. */
const fewFailures = { 'failures, but hardly any': [constant(failed, 0.27)] }

/** Users who wait, but hardly any; scrapes are quick. */
function fewSlow(limit: string, next: string): Record<string, Course[]> {
  const scraped = (le: string): string => bucket(le).replace('/tasks', '/metrics')
  return {
    'slow requests, but hardly any': [
      constant(bucket(limit), 0),
      ...[next, '+Inf'].map((le) => constant(bucket(le), 2.7)),
      ...[limit, next, '+Inf'].map((le) => constant(scraped(le), 3)),
    ],
  }
}

/** Fifty requests a step, of which so many took longer than `limit`. */
function slower(limit: string, next: string, below: number, over: number): Course[] {
  return [
    counter(bucket(limit), 50 - below, 50 - over, 50),
    ...[next, '+Inf'].map((le) => counter(bucket(le), 50, 50, 50)),
  ]
}

export const serviceCases: readonly AlertCase[] = [
  {
    alert: 'APIHighErrorRate',
    for: '2m',
    courses: failing(4.9, 8.9),
    quiet: fewFailures,
    summary: '8.9% of requests fail on the Todo Backend API (limit 5%)',
    description:
      'Error rate is 8.9% over 5 minutes: responses with a 5xx status, as a share of all responses.',
  },
  {
    alert: 'APIHighResponseTime',
    for: '2m',
    courses: slower('5', '10', 2.45, 25),
    quiet: fewSlow('5', '10'),
    summary: 'p95 response time is 9.5s on the Todo Backend API (limit 5s)',
    description: '95th percentile response time is 9.5s over 5 minutes. 5 % of the requests take longer.',
  },
  {
    alert: 'APIVerySlow',
    for: '2m',
    courses: slower('2', '5', 2.45, 25),
    quiet: fewSlow('2', '5'),
    summary: 'p95 response time is 4.7s on the Todo Backend API (limit 2s)',
    description: '95th percentile response time is 4.7s over 5 minutes.',
  },
  {
    alert: 'APISlow',
    for: '5m',
    courses: slower('1', '2', 2.45, 25),
    quiet: fewSlow('1', '2'),
    summary: 'p95 response time is 1.9s on the Todo Backend API (limit 1s)',
    description: '95th percentile response time is 1.9s over 5 minutes.',
  },
  {
    alert: 'APIErrorRateElevated',
    for: '2m',
    courses: failing(1.9, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 2%)',
    description: 'Error rate is 8% over 5 minutes.',
  },
  {
    alert: 'APIErrorBudgetBurning',
    for: '5m',
    courses: failing(0.49, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 0.5%)',
    description: 'Error rate is 8% over 10 minutes. The promise is below 0.1%.',
  },
  {
    alert: 'APIUnavailable',
    for: '1m',
    courses: failing(4.95, 8.9, 50),
    quiet: fewFailures,
    summary: 'The Todo Backend API is unavailable: 17.8% of requests fail (limit 10%)',
    description: '17.8% of the responses within 2 minutes had a 5xx status.',
  },
  {
    alert: 'APIUnreachable',
    for: '1m',
    courses: [
      gauge('vigil_probe_success{job="vigil-probes",probe="health"}', 1, 0, 1),
      steady('up{job="todo-backend",instance="backend:8000"}', 'gauge', 1),
    ],
    labels: { probe: 'health' },
    summary: 'The Todo Backend API cannot be reached: probe success is 0',
    description: 'The probe health did not get a valid response.',
  },
  {
    alert: 'APIUnreachable',
    for: '1m',
    courses: [
      gauge('up{job="todo-backend",instance="a"}', 0, 0, 1),
      gauge('up{job="todo-backend",instance="b"}', 1, 0, 1),
    ],
    labels: { job: 'todo-backend' },
    summary: 'The Todo Backend API cannot be reached: 0 instances up',
    description: 'Prometheus reaches no instance of todo-backend.',
  },
  {
    alert: 'DatabaseConnectionFailures',
    for: '90s',
    courses: [counter('db_connection_errors_total{job="todo-backend"}', 0.29, 6, 0)],
    summary: '0.20 database connections fail per second',
    description:
      'Connections of the API to its database are refused, lost or time out: 0.20 per second over the last minute.',
  },
  {
    alert: 'DatabaseUnreachable',
    for: '1m',
    courses: [gauge('pg_up{job="postgres-exporter",instance="postgres-exporter:9187"}', 1, 0, 1)],
    labels: { job: 'postgres-exporter', instance: 'postgres-exporter:9187' },
    summary: 'The exporter cannot reach PostgreSQL (pg_up is 0)',
    description: 'The exporter postgres-exporter:9187 cannot log in to PostgreSQL.',
  },
  {
    alert: 'AuthenticationServiceDown',
    for: '1m',
    courses: [
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
      'Authentication is down: 90% of attempts within 2 minutes, or of the probe auth-flow, failed with an error that the caller did not cause.',
  },
  {
    alert: 'AuthenticationServiceDown',
    for: '1m',
    courses: [gauge('vigil_probe_success{probe="auth-flow"}', 1, 0, 1)],
    summary: '100% of logins, registrations and refreshes fail with an error',
    description:
      'Authentication is down: 100% of attempts within 2 minutes, or of the probe auth-flow, failed with an error that the caller did not cause.',
  },
  {
    alert: 'RateLimitBypassed',
    for: '1m',
    courses: [
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
  },
  // Two users with 100 and 300 requests a minute in all; who is refused does not count.
  {
    alert: 'RateLimitBypassed',
    for: '1m',
    courses: [
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
  },
  {
    alert: 'DatabaseQueriesSlow',
    for: '2m',
    courses: [
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
  },
  {
    alert: 'MemoryNearlyExhausted',
    for: '5m',
    courses: [
      gauge('process_resident_memory_bytes{job="todo-backend",instance="backend:8000"}', 460e6, 480e6, 200e6),
      steady('node_memory_MemAvailable_bytes{instance="node-exporter:9100"}', 'gauge', 2e9),
      steady('node_memory_MemTotal_bytes{instance="node-exporter:9100"}', 'gauge', 4e9),
    ],
    labels: { of: 'process', job: 'todo-backend', instance: 'backend:8000' },
    quiet: { 'another process': [steady('process_resident_memory_bytes{job="prometheus"}', 'gauge', 5e9)] },
    summary: '93.75% of the memory of process backend:8000 is in use (limit 90%)',
    description: 'Memory of the process backend:8000: 93.75% for 5 minutes.',
  },
  {
    alert: 'MemoryNearlyExhausted',
    for: '5m',
    courses: [
      gauge('node_memory_MemAvailable_bytes{instance="node-exporter:9100"}', 0.41e9, 0.2e9, 3e9),
      steady('node_memory_MemTotal_bytes{instance="node-exporter:9100"}', 'gauge', 4e9),
    ],
    labels: { of: 'node', instance: 'node-exporter:9100' },
    summary: '95% of the memory of node node-exporter:9100 is in use (limit 90%)',
    description: 'Memory of the node node-exporter:9100: 95% for 5 minutes.',
  },
  {
    alert: 'MemoryHigh',
    for: '10m',
    courses: [
      gauge('node_memory_MemAvailable_bytes{instance="node-exporter:9100"}', 1.01e9, 0.8e9, 3e9),
      steady('node_memory_MemTotal_bytes{instance="node-exporter:9100"}', 'gauge', 4e9),
    ],
    labels: { of: 'node', instance: 'node-exporter:9100' },
    summary: '80% of the memory of node node-exporter:9100 is in use (limit 75%)',
    description: 'Memory of the node node-exporter:9100: 80% for 10 minutes.',
  },
  {
    alert: 'MemoryHigh',
    for: '10m',
    courses: [
      gauge('process_resident_memory_bytes{job="todo-backend",instance="backend:8000"}', 380e6, 400e6, 200e6),
    ],
    labels: { of: 'process', job: 'todo-backend', instance: 'backend:8000' },
    summary: '78.12% of the memory of process backend:8000 is in use (limit 75%)',
    description: 'Memory of the process backend:8000: 78.12% for 10 minutes.',
  },
  {
    alert: 'DiskSpaceLow',
    for: '5m',
    courses: disk(),
    labels: { device: '/dev/vda', fstype: 'ext4', mountpoint: '/', instance: 'node-exporter:9100' },
    summary: '8% of / on node-exporter:9100 is free (limit 10%)',
    description: 'The file system / (/dev/vda) has 8% of its space available.',
  },
  {
    alert: 'RateLimitNearlyReached',
    for: '5m',
    courses: [gauge('rate_limit_utilization_ratio{policy="user"}', 0.79, 0.95, 0.1)],
    labels: { policy: 'user' },
    quiet: {
      'the probe, once in 5 minutes': [
        { ...steady('rate_limit_utilization_ratio{policy="user"}', 'gauge', 1), every: '5m' },
      ],
    },
    summary: 'The busiest caller uses 95% of the rate limit user (limit 80%)',
    description: 'One caller used 95% of the limit user within a minute, repeatedly for 5 minutes.',
  },
  {
    alert: 'DatabaseConnectionsHigh',
    for: '5m',
    courses: [
      gauge('db_pool_connections{instance="backend:8000",state="in_use"}', 79, 95, 10),
      gauge('db_pool_connections{instance="backend:8000",state="idle"}', 21, 5, 90),
    ],
    labels: { of: 'pool', instance: 'backend:8000' },
    summary: '95% of the database connections of the pool backend:8000 are in use (limit 80%)',
    description: 'Connections of the pool: 95% over 5 minutes. When none is free, requests wait.',
  },
  {
    alert: 'DatabaseConnectionsHigh',
    for: '5m',
    courses: [
      gauge(
        'pg_stat_activity_count{instance="postgres-exporter:9187",datname="todo",state="active"}',
        39,
        60,
        5,
      ),
      steady(
        'pg_stat_activity_count{instance="postgres-exporter:9187",datname="todo",state="idle"}',
        'gauge',
        40,
      ),
      steady('pg_settings_max_connections{instance="postgres-exporter:9187"}', 'gauge', 100),
    ],
    labels: { of: 'server', instance: 'postgres-exporter:9187' },
    summary: '100% of the database connections of the server postgres-exporter:9187 are in use (limit 80%)',
    description: 'Connections of the server: 100% over 5 minutes. When none is free, requests wait.',
  },
  // Eight days at 2 requests per second, then ten.
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    wellFor: '1h',
    courses: [
      counter(ok, 600, 3000, 600),
      steady('http_requests_total{route="/metrics",status="200"}', 'counter', 5000),
    ],
    summary: 'Traffic is unusual: 10.00 requests per second, usually 2.00',
    description:
      'Users send 10.00 requests per second over 10 minutes. The median of this hour on the last seven days is more than three times higher or lower.',
  },
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    wellFor: '1h',
    courses: [counter(ok, 600, 20, 600)],
    summary: 'Traffic is unusual: 0.07 requests per second, usually 2.00',
    description:
      'Users send 0.07 requests per second over 10 minutes. The median of this hour on the last seven days is more than three times higher or lower.',
  },
  // Not three times as much, with numbers that matter.
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    wellFor: '1h',
    courses: [counter(ok, 600, 1700, 600)],
    never: true,
    summary: '',
    description: '',
  },
  // Six times as much as usual, and still less than one a second.
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    wellFor: '1h',
    courses: [counter(ok, 40, 240, 40)],
    never: true,
    summary: '',
    description: '',
  },
  {
    alert: 'AuthenticationFailuresHigh',
    for: '2m',
    courses: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 49.9, 100, 1),
    ],
    summary: '200 authentication attempts fail per minute (limit 100)',
    description: '200 logins, registrations and refreshes per minute were rejected over 2 minutes.',
  },
]

function of(metric: string, device: string, fstype: string, mountpoint: string): string {
  return `node_filesystem_${metric}{instance="node-exporter:9100",device="${device}",fstype="${fstype}",mountpoint="${mountpoint}"}`
}

/** Beside the disk that fills, one in memory and one read-only, both always full. */
function disk(): Course[] {
  const full = (device: string, fstype: string, mountpoint: string, readonly: number): Course[] => [
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
