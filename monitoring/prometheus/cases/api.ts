import { alertCase, constant, counter, gauge, silentCase, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

const ok = 'http_requests_total{job="todo-backend",route="/tasks",status="200"}'
const failed = 'http_requests_total{job="todo-backend",route="/tasks",status="503"}'
const bucket = (le: string): string =>
  `http_request_duration_seconds_bucket{job="todo-backend",route="/tasks",le="${le}"}`

/** Requests per step, with this many failures. */
function failing(below: number, over: number, requests = 100): SeriesTimeline[] {
  return [counter(ok, requests - below, requests - over, requests), counter(failed, below, over, 0)]
}

/** Just below the minimum: all requests fail, but there are few. */
const fewFailures = { 'failures, but hardly any': [constant(failed, 0.27)] }

/** Slow requests of users, but few. Scrapes are fast. */
function fewSlow(limit: string, next: string): Record<string, SeriesTimeline[]> {
  const scraped = (le: string): string => bucket(le).replace('/tasks', '/metrics')
  return {
    'slow requests, but hardly any': [
      constant(bucket(limit), 0),
      ...[next, '+Inf'].map((le) => constant(bucket(le), 2.7)),
      ...[limit, next, '+Inf'].map((le) => constant(scraped(le), 3)),
    ],
  }
}

/** Fifty requests per step, with this many slower than `limit`. */
function slower(limit: string, next: string, below: number, over: number): SeriesTimeline[] {
  return [
    counter(bucket(limit), 50 - below, 50 - over, 50),
    ...[next, '+Inf'].map((le) => counter(bucket(le), 50, 50, 50)),
  ]
}

/** Eight days of usual traffic, then an hour of other traffic. */
const afterWeek = {
  step: '5m',
  evaluation: '10m',
  belowFor: '8d',
  overFor: '1h',
  recoveredFor: '1h',
} as const

export const requestCases: readonly AlertCase[] = [
  alertCase('APIHighErrorRate', '2m', {
    timelines: failing(4.9, 8.9),
    quiet: fewFailures,
    summary: '8.9% of requests fail on the Todo Backend API (limit 5%)',
    description:
      'Error rate is 8.9% over 5 minutes: responses with a 5xx status, as a share of all responses.',
  }),
  alertCase('APIHighResponseTime', '2m', {
    timelines: slower('5', '10', 2.45, 25),
    quiet: fewSlow('5', '10'),
    summary: 'p95 response time is 9.5s on the Todo Backend API (limit 5s)',
    description: '95th percentile response time is 9.5s over 5 minutes. 5 % of the requests take longer.',
  }),
  alertCase('APIVerySlow', '2m', {
    timelines: slower('2', '5', 2.45, 25),
    quiet: fewSlow('2', '5'),
    summary: 'p95 response time is 4.7s on the Todo Backend API (limit 2s)',
    description: '95th percentile response time is 4.7s over 5 minutes.',
  }),
  alertCase('APISlow', '5m', {
    timelines: slower('1', '2', 2.45, 25),
    quiet: fewSlow('1', '2'),
    summary: 'p95 response time is 1.9s on the Todo Backend API (limit 1s)',
    description: '95th percentile response time is 1.9s over 5 minutes.',
  }),
  alertCase('APIErrorRateElevated', '2m', {
    timelines: failing(1.9, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 2%)',
    description: 'Error rate is 8% over 5 minutes.',
  }),
  alertCase('APIErrorBudgetBurning', '5m', {
    timelines: failing(0.49, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 0.5%)',
    description: 'Error rate is 8% over 10 minutes. The promise is below 0.1%.',
  }),
  alertCase('APIUnavailable', '1m', {
    timelines: failing(4.95, 8.9, 50),
    quiet: fewFailures,
    summary: 'The Todo Backend API is unavailable: 17.8% of requests fail (limit 10%)',
    description: '17.8% of the responses within 2 minutes had a 5xx status.',
  }),
  alertCase('APIUnreachable', '1m', {
    timelines: [
      gauge('vigil_probe_success{job="vigil-probes",probe="health"}', 1, 0, 1),
      steady('up{job="todo-backend",instance="backend:8000"}', 'gauge', 1),
    ],
    labels: { probe: 'health' },
    summary: 'The Todo Backend API cannot be reached: probe success is 0',
    description: 'The probe health did not get a valid response.',
  }),
  alertCase('APIUnreachable', '1m', {
    timelines: [
      gauge('up{job="todo-backend",instance="a"}', 0, 0, 1),
      gauge('up{job="todo-backend",instance="b"}', 1, 0, 1),
    ],
    labels: { job: 'todo-backend' },
    summary: 'The Todo Backend API cannot be reached: 0 instances up',
    description: 'Prometheus reaches no instance of todo-backend.',
  }),
  alertCase('TrafficUnusual', '10m', {
    timelines: [
      counter(ok, 600, 3000, 600),
      steady('http_requests_total{route="/metrics",status="200"}', 'counter', 5000),
    ],
    ...afterWeek,
    summary: 'Traffic is unusual: 10.00 requests per second, usually 2.00',
    description:
      'Users send 10.00 requests per second over 10 minutes. The median of this hour on ' +
      'the last seven days is more than three times higher or lower.',
  }),
  alertCase('TrafficUnusual', '10m', {
    timelines: [counter(ok, 600, 20, 600)],
    ...afterWeek,
    summary: 'Traffic is unusual: 0.07 requests per second, usually 2.00',
    description:
      'Users send 0.07 requests per second over 10 minutes. The median of this hour on the ' +
      'last seven days is more than three times higher or lower.',
  }),
  // Not three times as much, with numbers that matter.
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 600, 1700, 600)], ...afterWeek }),
  // Six times as much as usual, and still less than one a second.
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 40, 240, 40)], ...afterWeek }),
]

const window15 = { belowFor: '20m', overFor: '20m', recoveredFor: '20m' }

const dayBefore = { step: '5m', belowFor: '26h', overFor: '40m', recoveredFor: '1h' } as const

export const securityCases: readonly AlertCase[] = [
  alertCase('FailedLoginsUnusual', '5m', {
    timelines: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 4.9, 30, 1),
      counter('auth_attempts_total{action="login",result="success",reason="none"}', 5, 5, 5),
    ],
    quiet: {
      'failures, but hardly any': [
        steady(
          'auth_attempts_total{action="login",result="failure",reason="wrong_password"}',
          'counter',
          2.7,
        ),
        steady('auth_attempts_total{action="login",result="success",reason="none"}', 'counter', 1),
      ],
    },
    summary: '85.71% of logins fail',
    description: '85.71% of the logins within 10 minutes had a wrong password or no account.',
  }),
  alertCase('AccountLockouts', '1m', {
    timelines: [counter('auth_lockouts_total', 0.099, 1, 0)],
    ...window15,
    summary: '2 accounts are locked per minute',
    description: '2 accounts per minute were locked after failed logins, over 15 minutes.',
  }),
  alertCase('SuspiciousAddresses', '2m', {
    timelines: [
      gauge('auth_suspicious_addresses{instance="a"}', 0, 2, 0),
      steady('auth_suspicious_addresses{instance="b"}', 'gauge', 0),
    ],
    summary: '2 suspicious addresses',
    description: '2 addresses failed to authenticate ten times or more within 15 minutes.',
  }),
  alertCase('TokenFailuresHigh', '5m', {
    timelines: [
      counter('auth_token_failures_total{reason="forged"}', 14.9, 60, 0),
      steady('auth_token_failures_total{reason="expired"}', 'counter', 100),
    ],
    labels: { reason: 'forged' },
    summary: '120 tokens per minute are rejected: forged',
    description: '120 access or refresh tokens per minute were rejected over 5 minutes. Reason: forged.',
  }),
  alertCase('RefreshTokenReused', undefined, {
    timelines: [
      counter('auth_token_failures_total{reason="refresh_reused"}', null, 1, 0),
      steady('auth_token_failures_total{reason="refresh_expired"}', 'counter', 1),
    ],
    overFor: '2m',
    recoveredFor: '20m',
    labels: { reason: 'refresh_reused' },
    summary: '4 refresh tokens were used twice',
    description: '4 refresh tokens were used a second time within 15 minutes. Their sessions were ended.',
  }),
  alertCase('RateLimitHits', '10m', {
    timelines: [counter('rate_limit_hits_total{policy="user"}', 9.9, 40, 0)],
    labels: { policy: 'user' },
    summary: '80 requests per minute are rejected by the rate limit user',
    description: 'The limit user rejects 80 requests per minute over 5 minutes.',
  }),
  alertCase('RateLimitAbuse', '5m', {
    timelines: [counter('rate_limit_hits_total{policy="auth"}', 99, 300, 0)],
    labels: { policy: 'auth' },
    summary: '600 requests per minute continue despite the rate limit auth',
    description: 'The limit auth rejects 600 requests per minute over 5 minutes. A client does not stop.',
  }),
  alertCase('RateLimitConfigChanged', undefined, {
    timelines: [
      gauge('rate_limit_config_info{policy="user",limit="100",window="60s"}', 1, null, null),
      gauge('rate_limit_config_info{policy="user",limit="100000",window="60s"}', null, 1, 1),
      steady('rate_limit_config_info{policy="auth",limit="20",window="60s"}', 'gauge', 1),
    ],
    belowFor: '30m',
    overFor: '10m',
    recoveredFor: '20m',
    labels: { policy: 'user', limit: '100000', window: '60s' },
    summary: 'The rate limit user is now 100000 in 60s (in force: 1)',
    description: 'The configuration of the rate limit user changed to 100000 requests in 60s.',
  }),
  alertCase('UnauthorizedAccess', '5m', {
    timelines: [counter('access_denied_total{kind="unauthenticated"}', 29.9, 100, 1)],
    summary: '200 requests per minute have no valid token',
    description: '200 requests per minute without a valid access token over 5 minutes.',
  }),
  alertCase('CrossUserAccess', '2m', {
    timelines: [counter('access_denied_total{kind="cross_user"}', 2.4, 30, 0)],
    summary: '60 requests per minute try to read data of other users',
    description:
      '60 requests per minute over 5 minutes tried to read tasks, exports or imports of ' +
      'other users. They were rejected.',
  }),
  alertCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 499, 3000, 10)],
    ...window15,
    summary: '6k tasks per minute are changed in bulk',
    description:
      'Bulk operations change 6k tasks per minute over 15 minutes, more than three times ' +
      'as many as the day before.',
  }),
  alertCase('ExportsUnusual', '5m', {
    timelines: [counter('export_total{format="csv",result="success"}', 4.9, 30, 0)],
    ...window15,
    summary: '60 exports per minute',
    description:
      'Users export their data 60 times per minute over 15 minutes, more than three times ' +
      'as often as the day before.',
  }),

  // After a day of as much: not three times, and more than three times.
  silentCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 10_000, 28_000, 10_000)],
    ...dayBefore,
  }),
  alertCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 10_000, 40_000, 10_000)],
    ...dayBefore,
    summary: '8k tasks per minute are changed in bulk',
    description:
      'Bulk operations change 8k tasks per minute over 15 minutes, more than three times ' +
      'as many as the day before.',
  }),
  silentCase('ExportsUnusual', '5m', {
    timelines: [counter('export_total{format="csv",result="success"}', 100, 280, 100)],
    ...dayBefore,
  }),
]
