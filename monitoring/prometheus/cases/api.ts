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
const fewFailures = { 'failures, but hardly any': [constant(failed, 0.29)] }

/** Just above a limit, and just above the minimum. */
function barelyFailing(over: number, requests = 100): Record<string, SeriesTimeline[]> {
  return {
    'a little over the limit': failing(0, over, requests),
    'a little over the minimum': failing(0, 0.32, 1),
  }
}

/** Slow requests of users, but few. Scrapes are fast. */
function fewSlow(limit: string, next: string): Record<string, SeriesTimeline[]> {
  const scraped = (le: string): string => bucket(le).replace('/tasks', '/metrics')
  return {
    'slow requests, but hardly any': [
      constant(bucket(limit), 0),
      ...[next, '+Inf'].map((le) => constant(bucket(le), 2.9)),
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

/** Just above a limit, and just above the minimum of requests. */
function barelySlow(limit: string, next: string): Record<string, SeriesTimeline[]> {
  return {
    'a little over the limit': slower(limit, next, 0, 2.63),
    'a little over the minimum': [
      constant(bucket(limit), 0),
      ...[next, '+Inf'].map((le) => constant(bucket(le), 3.1)),
    ],
  }
}

/** Eight days of usual traffic, then an hour of other traffic. */
const afterWeek = {
  step: '5m',
  evaluation: '10m',
  belowFor: '8d',
  overFor: '1h',
  recoveredFor: '1h',
} as const
/** As little as there must be to compare with: the week above takes four times as long to evaluate. */
const afterTwoDays = { ...afterWeek, belowFor: '50h' } as const

export const requestCases: readonly AlertCase[] = [
  alertCase('APIHighErrorRate', '2m', {
    timelines: failing(4.9, 8.9),
    barely: barelyFailing(5.2),
    quiet: fewFailures,
    summary: '8.9% of requests failing (limit 5%)',
    description:
      'Users see errors: the share is over 5 minutes. First: look for the route that fails, and roll ' +
      'back a release of the last hour.',
  }),
  alertCase('APIHighResponseTime', '2m', {
    timelines: slower('5', '10', 2.45, 25),
    barely: barelySlow('5', '10'),
    quiet: fewSlow('5', '10'),
    summary: 'p95 response time 9.5s (limit 5s)',
    description:
      'Users wait, or give up: one request in twenty takes longer than this. First: look for the ' +
      'route or query that is slow, and roll back a release of the last hour.',
  }),
  alertCase('APIVerySlow', '2m', {
    timelines: slower('2', '5', 2.45, 25),
    barely: barelySlow('2', '5'),
    quiet: fewSlow('2', '5'),
    summary: 'p95 response time 4.7s (limit 2s)',
    description:
      'Users wait noticeably: one request in twenty takes longer than this. First: look for the ' +
      'route or query that is slow.',
  }),
  alertCase('APISlow', '5m', {
    timelines: slower('1', '2', 2.45, 25),
    barely: barelySlow('1', '2'),
    quiet: fewSlow('1', '2'),
    summary: 'p95 response time 1.9s (limit 1s)',
    description:
      'Users notice a delay: one request in twenty takes longer than this. First: compare the routes ' +
      'on the dashboard with yesterday.',
  }),
  alertCase('APIErrorRateElevated', '2m', {
    timelines: failing(1.9, 8),
    barely: barelyFailing(2.1),
    quiet: fewFailures,
    summary: '8% of requests failing (limit 2%)',
    description: 'Some users see errors: the share is over 5 minutes. First: look for the route that fails.',
  }),
  alertCase('APIErrorBudgetBurning', '5m', {
    timelines: failing(0.49, 8),
    barely: barelyFailing(0.52),
    quiet: fewFailures,
    summary: '8% of requests failing (limit 0.5%)',
    description:
      'Few users see errors, but more than the promised 0.1%: the share is over 10 minutes. First: ' +
      'look for the route that fails.',
  }),
  // The share over 10 minutes is over the limit later than that over 5.
  silentCase('APIErrorBudgetBurning', '5m', { timelines: failing(0.44, 0.52), overFor: '10m' }),
  // A burst that is in the longer window only.
  silentCase('APIErrorBudgetBurning', '5m', {
    timelines: [counter(ok, 99.52, 97, 99.52), counter(failed, 0.48, 3, 0.48)],
    overFor: '30s',
    recoveredFor: '8m',
  }),
  alertCase('APIUnavailable', '1m', {
    timelines: failing(4.95, 8.9, 50),
    barely: barelyFailing(5.2, 50),
    quiet: fewFailures,
    summary: '17.8% of requests failing (limit 10%)',
    description:
      'Many users cannot work: the share is over 2 minutes. First: check the database and the last ' +
      'release, then roll back.',
  }),
  alertCase('APIUnreachable', '1m', {
    timelines: [
      gauge('vigil_probe_success{job="vigil-probes",probe="health"}', 1, 0, 1),
      steady('up{job="todo-backend",instance="backend:8000"}', 'gauge', 1),
    ],
    summary: 'No response from the API (reached: 0)',
    description:
      'No user can work: the health probe gets no valid response, or no instance can be scraped. ' +
      'First: check that the process runs, then the network and the proxy.',
  }),
  alertCase('APIUnreachable', '1m', {
    timelines: [
      gauge('up{job="todo-backend",instance="a"}', 0, 0, 1),
      gauge('up{job="todo-backend",instance="b"}', 1, 0, 1),
    ],
    summary: 'No response from the API (reached: 0)',
    description:
      'No user can work: the health probe gets no valid response, or no instance can be scraped. ' +
      'First: check that the process runs, then the network and the proxy.',
  }),
  alertCase('TrafficUnusual', '10m', {
    timelines: [
      counter(ok, 600, 3000, 600),
      steady('http_requests_total{route="/metrics",status="200"}', 'counter', 5000),
    ],
    ...afterWeek,
    summary: '10.00 requests/s, usually 2.00',
    description:
      'Users send more than three times as much as at this hour of the last seven days, or less than ' +
      'a third. First: few requests: check whether users reach the API; many: find who sends them.',
  }),
  alertCase('TrafficUnusual', '10m', {
    timelines: [counter(ok, 600, 20, 600)],
    barely: {
      'a little more than three times': [counter(ok, 600, 1900, 600)],
      'a little less than a third': [counter(ok, 600, 190, 600)],
      'a little more than one a second now': [counter(ok, 100, 310, 100)],
      'a little more than one a second usually': [counter(ok, 310, 20, 310)],
    },
    ...afterTwoDays,
    summary: '0.07 requests/s, usually 2.00',
    description:
      'Users send more than three times as much as at this hour of the last seven days, or less than ' +
      'a third. First: few requests: check whether users reach the API; many: find who sends them.',
  }),
  // Not three times as much, with numbers that matter.
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 600, 1700, 600)], ...afterTwoDays }),
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 600, 210, 600)], ...afterTwoDays }),
  // Hardly anything, now or usually.
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 90, 290, 90)], ...afterTwoDays }),
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 290, 20, 290)], ...afterTwoDays }),
  // Six times as much as usual, and still less than one a second.
  silentCase('TrafficUnusual', '10m', { timelines: [counter(ok, 40, 240, 40)], ...afterTwoDays }),
]
