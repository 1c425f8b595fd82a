import { counter, gauge, steady } from './case.ts'
import type { AlertCase, SeriesTimeline } from './case.ts'

const ok = 'http_requests_total{job="todo-backend",route="/tasks",status="200"}'
const failed = 'http_requests_total{job="todo-backend",route="/tasks",status="503"}'
const bucket = (le: string): string =>
  `http_request_duration_seconds_bucket{job="todo-backend",route="/tasks",le="${le}"}`

function constant(series: string, each: number): SeriesTimeline {
  return steady(series, 'counter', each)
}

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

export const requestCases: readonly AlertCase[] = [
  {
    alert: 'APIHighErrorRate',
    for: '2m',
    timelines: failing(4.9, 8.9),
    quiet: fewFailures,
    summary: '8.9% of requests fail on the Todo Backend API (limit 5%)',
    description:
      'Error rate is 8.9% over 5 minutes: responses with a 5xx status, as a share of all responses.',
  },
  {
    alert: 'APIHighResponseTime',
    for: '2m',
    timelines: slower('5', '10', 2.45, 25),
    quiet: fewSlow('5', '10'),
    summary: 'p95 response time is 9.5s on the Todo Backend API (limit 5s)',
    description: '95th percentile response time is 9.5s over 5 minutes. 5 % of the requests take longer.',
  },
  {
    alert: 'APIVerySlow',
    for: '2m',
    timelines: slower('2', '5', 2.45, 25),
    quiet: fewSlow('2', '5'),
    summary: 'p95 response time is 4.7s on the Todo Backend API (limit 2s)',
    description: '95th percentile response time is 4.7s over 5 minutes.',
  },
  {
    alert: 'APISlow',
    for: '5m',
    timelines: slower('1', '2', 2.45, 25),
    quiet: fewSlow('1', '2'),
    summary: 'p95 response time is 1.9s on the Todo Backend API (limit 1s)',
    description: '95th percentile response time is 1.9s over 5 minutes.',
  },
  {
    alert: 'APIErrorRateElevated',
    for: '2m',
    timelines: failing(1.9, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 2%)',
    description: 'Error rate is 8% over 5 minutes.',
  },
  {
    alert: 'APIErrorBudgetBurning',
    for: '5m',
    timelines: failing(0.49, 8),
    quiet: fewFailures,
    summary: '8% of requests fail on the Todo Backend API (limit 0.5%)',
    description: 'Error rate is 8% over 10 minutes. The promise is below 0.1%.',
  },
  {
    alert: 'APIUnavailable',
    for: '1m',
    timelines: failing(4.95, 8.9, 50),
    quiet: fewFailures,
    summary: 'The Todo Backend API is unavailable: 17.8% of requests fail (limit 10%)',
    description: '17.8% of the responses within 2 minutes had a 5xx status.',
  },
  {
    alert: 'APIUnreachable',
    for: '1m',
    timelines: [
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
    timelines: [
      gauge('up{job="todo-backend",instance="a"}', 0, 0, 1),
      gauge('up{job="todo-backend",instance="b"}', 1, 0, 1),
    ],
    labels: { job: 'todo-backend' },
    summary: 'The Todo Backend API cannot be reached: 0 instances up',
    description: 'Prometheus reaches no instance of todo-backend.',
  },
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    recoveredFor: '1h',
    timelines: [
      counter(ok, 600, 3000, 600),
      steady('http_requests_total{route="/metrics",status="200"}', 'counter', 5000),
    ],
    summary: 'Traffic is unusual: 10.00 requests per second, usually 2.00',
    description:
      'Users send 10.00 requests per second over 10 minutes. The median of this hour on ' +
      'the last seven days is more than three times higher or lower.',
  },
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    recoveredFor: '1h',
    timelines: [counter(ok, 600, 20, 600)],
    summary: 'Traffic is unusual: 0.07 requests per second, usually 2.00',
    description:
      'Users send 0.07 requests per second over 10 minutes. The median of this hour on the ' +
      'last seven days is more than three times higher or lower.',
  },
  // Not three times as much, with numbers that matter.
  {
    alert: 'TrafficUnusual',
    for: '10m',
    step: '5m',
    evaluation: '10m',
    belowFor: '8d',
    overFor: '1h',
    recoveredFor: '1h',
    timelines: [counter(ok, 600, 1700, 600)],
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
    recoveredFor: '1h',
    timelines: [counter(ok, 40, 240, 40)],
    never: true,
    summary: '',
    description: '',
  },
]
