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
  alertCase('DatabaseConnectionFailures', '75s', {
    timelines: [counter('db_connection_errors_total{job="todo-backend"}', 0.29, 6, 0)],
    barely: { 'a few more': [constant('db_connection_errors_total{job="todo-backend"}', 0.32)] },
    summary: '0.20 failed database connections/s',
    description:
      'Users see errors on every page with data: the API cannot connect to PostgreSQL. First: check ' +
      'that the database runs, then password, network and free connections.',
  }),
  alertCase('DatabaseUnreachable', '1m', {
    timelines: [gauge('pg_up{job="postgres-exporter",instance="postgres-exporter:9187"}', 1, 0, 1)],
    labels: { job: 'postgres-exporter', instance: 'postgres-exporter:9187' },
    summary: 'No login to PostgreSQL (pg_up: 0)',
    description:
      'Users probably see errors on every page with data: the exporter postgres-exporter:9187 cannot ' +
      'log in either. First: check that PostgreSQL runs.',
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
        constant('auth_attempts_total{action="login",result="error",reason="unavailable"}', 0.29),
      ],
    },
    barely: {
      'a little over half': [
        constant('auth_attempts_total{action="login",result="error",reason="unavailable"}', 0.52),
        constant('auth_attempts_total{action="login",result="success",reason="none"}', 0.5),
      ],
      'a little over the minimum': [
        constant('auth_attempts_total{action="login",result="error",reason="unavailable"}', 0.32),
      ],
    },
    summary: '90% of logins failing (limit 50%)',
    description:
      'Users cannot log in or stay logged in, through no fault of their own: the share is over 2 ' +
      'minutes, or of the probe auth-flow. First: check the database, then the keys of the tokens.',
  }),
  alertCase('AuthenticationServiceDown', '1m', {
    timelines: [gauge('vigil_probe_success{probe="auth-flow"}', 1, 0, 1)],
    summary: '100% of logins failing (limit 50%)',
    description:
      'Users cannot log in or stay logged in, through no fault of their own: the share is over 2 ' +
      'minutes, or of the probe auth-flow. First: check the database, then the keys of the tokens.',
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
    summary: 'Step refused of the probe not rejected (success: 0)',
    description:
      'Users are not affected yet, but one client can take the capacity of all. First: check the ' +
      'configured limits and the last release.',
  }),
  // Two users with 100 and 300 requests a minute in all; who is refused does not count.
  alertCase('RateLimitBypassed', '1m', {
    timelines: [
      counter(ok, 145, 2000, 50),
      steady(ok.replace('200', '429'), 'counter', 5000),
      steady('users_active{window="5m"}', 'gauge', 2),
      steady(userLimit(100), 'gauge', 1),
    ],
    barely: {
      'a little over the limit': [
        constant(ok, 155),
        steady('users_active{window="5m"}', 'gauge', 2),
        steady(userLimit(100), 'gauge', 1),
      ],
    },
    quiet: {
      'a load test with limits raised': [
        constant(ok, 5000),
        steady('users_active{window="5m"}', 'gauge', 2),
        steady(userLimit(100_000), 'gauge', 1),
      ],
    },
    summary: '2k requests a minute per user (limit 100)',
    description:
      'Users are not affected yet, but one client can take the capacity of all. First: check the ' +
      'configured limits and the last release.',
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
        constant('db_query_duration_seconds_sum{query="exports.purge"}', 2),
        constant('db_query_duration_seconds_count{query="exports.purge"}', 0.55),
      ],
    },
    barely: {
      'a little over the limit': [
        constant('db_query_duration_seconds_sum{query="tasks.list"}', 5.2),
        constant('db_query_duration_seconds_count{query="tasks.list"}', 5),
      ],
      'a little over the minimum': [
        constant('db_query_duration_seconds_sum{query="exports.purge"}', 2),
        constant('db_query_duration_seconds_count{query="exports.purge"}', 0.62),
      ],
    },
    summary: 'Query tasks.list takes 3s on average (limit 1s)',
    description:
      'Users wait for each page that needs this query: the mean is over 2 minutes. First: look for ' +
      'locks and a missing index.',
  }),
  alertCase('MemoryNearlyExhausted', '5m', {
    timelines: [gauge(resident, 460e6, 480e6, 200e6), steady(available, 'gauge', 2e9), total],
    labels: inProcess,
    quiet: { 'another process': [steady('process_resident_memory_bytes{job="prometheus"}', 'gauge', 5e9)] },
    summary: '93.7% of memory used by process backend:8000 (limit 90%)',
    description:
      'Users notice nothing until the kernel ends the process; then requests fail. First: see ' +
      'whether memory grows steadily, then restart one instance.',
  }),
  alertCase('MemoryNearlyExhausted', '5m', {
    timelines: [gauge(available, 0.41e9, 0.2e9, 3e9), total],
    labels: onNode,
    summary: '95% of memory used by node node-exporter:9100 (limit 90%)',
    description:
      'Users notice nothing until the kernel ends the process; then requests fail. First: see ' +
      'whether memory grows steadily, then restart one instance.',
  }),
  alertCase('MemoryHigh', '10m', {
    timelines: [gauge(available, 1.01e9, 0.8e9, 3e9), total],
    labels: onNode,
    summary: '80% of memory used by node node-exporter:9100 (limit 75%)',
    description:
      'Users notice nothing yet. First: see on the dashboard whether memory grows steadily, and ' +
      'since which release.',
  }),
  alertCase('MemoryHigh', '10m', {
    timelines: [gauge(resident, 380e6, 400e6, 200e6)],
    labels: inProcess,
    summary: '78.1% of memory used by process backend:8000 (limit 75%)',
    description:
      'Users notice nothing yet. First: see on the dashboard whether memory grows steadily, and ' +
      'since which release.',
  }),
  alertCase('DiskSpaceLow', '5m', {
    timelines: disk(),
    barely: { 'a little under the limit': disk(9.5e9) },
    labels: { device: '/dev/vda', fstype: 'ext4', mountpoint: '/', instance: 'node-exporter:9100' },
    summary: '8% of / on node-exporter:9100 free (limit 10%)',
    description:
      'Users notice nothing until the disk is full; then writes fail. First: find what grows on ' +
      '/dev/vda, and delete or extend.',
  }),
  alertCase('RateLimitNearlyReached', '5m', {
    timelines: [gauge('rate_limit_utilization_ratio{policy="user"}', 0.79, 0.95, 0.1)],
    barely: { 'a little over the limit': [gauge('rate_limit_utilization_ratio{policy="user"}', 0, 0.83, 0)] },
    labels: { policy: 'user' },
    quiet: {
      'the probe, once in 5 minutes': [
        { ...steady('rate_limit_utilization_ratio{policy="user"}', 'gauge', 1), every: '5m' },
      ],
    },
    summary: 'Busiest caller at 95% of the rate limit user (limit 80%)',
    description:
      'One user is about to be rejected, repeatedly for 5 minutes. First: find the caller in the ' +
      'logs: a faulty client, or more use than planned?',
  }),
  alertCase('DatabaseConnectionsHigh', '5m', {
    timelines: [
      gauge('db_pool_connections{instance="backend:8000",state="in_use"}', 79, 95, 10),
      gauge('db_pool_connections{instance="backend:8000",state="idle"}', 21, 5, 90),
    ],
    barely: {
      'a little over the limit': [
        steady('db_pool_connections{instance="backend:8000",state="in_use"}', 'gauge', 83),
        steady('db_pool_connections{instance="backend:8000",state="idle"}', 'gauge', 17),
      ],
    },
    labels: { of: 'pool', instance: 'backend:8000' },
    summary: '95% of database connections used by pool backend:8000 (limit 80%)',
    description:
      'Users wait as soon as no connection is free: the share is over 5 minutes. First: look for ' +
      'slow queries and idle transactions.',
  }),
  alertCase('DatabaseConnectionsHigh', '5m', {
    timelines: [
      gauge(activity('active'), 39, 60, 5),
      steady(activity('idle'), 'gauge', 40),
      steady('pg_settings_max_connections{instance="postgres-exporter:9187"}', 'gauge', 100),
    ],
    labels: { of: 'server', instance: 'postgres-exporter:9187' },
    summary: '100% of database connections used by server postgres-exporter:9187 (limit 80%)',
    description:
      'Users wait as soon as no connection is free: the share is over 5 minutes. First: look for ' +
      'slow queries and idle transactions.',
  }),
  alertCase('AuthenticationFailuresHigh', '2m', {
    timelines: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 49.9, 100, 1),
    ],
    barely: {
      'a little over the limit': [
        constant('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 52),
      ],
    },
    summary: '200 failed authentication attempts a minute (limit 100)',
    description:
      'Someone may be guessing passwords: logins, registrations and refreshes were rejected over 2 ' +
      'minutes. First: find the addresses on the dashboard.',
  }),
]

function of(metric: string, device: string, fstype: string, mountpoint: string): string {
  const labels = `device="${device}",fstype="${fstype}",mountpoint="${mountpoint}"`
  return `node_filesystem_${metric}{instance="node-exporter:9100",${labels}}`
}

/** The disk that fills up, and in addition one in memory and one read-only, both always full. */
function disk(full = 8e9): SeriesTimeline[] {
  const fullOne = (
    device: string,
    fstype: string,
    mountpoint: string,
    readonly: number,
  ): SeriesTimeline[] => [
    steady(of('avail_bytes', device, fstype, mountpoint), 'gauge', 0),
    steady(of('size_bytes', device, fstype, mountpoint), 'gauge', 100),
    steady(of('readonly', device, fstype, mountpoint), 'gauge', readonly),
  ]
  return [
    gauge(of('avail_bytes', '/dev/vda', 'ext4', '/'), 10.1e9, full, 50e9),
    steady(of('size_bytes', '/dev/vda', 'ext4', '/'), 'gauge', 100e9),
    steady(of('readonly', '/dev/vda', 'ext4', '/'), 'gauge', 0),
    ...fullOne('tmpfs', 'tmpfs', '/run', 0),
    ...fullOne('/dev/vdb', 'ext4', '/media', 1),
  ]
}
