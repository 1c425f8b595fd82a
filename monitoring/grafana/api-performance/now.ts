import type { Row } from '../dashboard.ts'
import { budgets } from '../limits.ts'
import { above, aboveZero, stat, steps } from '../panels/index.ts'

/** Labels of the API instances that the reader chose. */
export const instanceLabels = 'job="todo-backend", instance=~"$instance"'
/** The same, with the routes that the reader chose. */
export const routeLabels = `${instanceLabels}, route=~"$route"`

/** Quantile over all instances: their buckets are added, since quantiles cannot be averaged. */
export function latencyQuantile(quantile: number, window: string, by = '', at = ''): string {
  return (
    `histogram_quantile(${quantile}, sum by (le${by === '' ? '' : `, ${by}`}) ` +
    `(rate(http_request_duration_seconds_bucket{${routeLabels}}[${window}]${at})))`
  )
}

/** Share of requests with a 5xx response. 0 when no request failed, no value without requests. */
export function errorRatio(window: string, by = ''): string {
  const grouped = by === '' ? 'sum' : `sum by (${by})`
  const all = `${grouped} (rate(http_requests_total{${routeLabels}}[${window}]))`
  return (
    `(${grouped} (rate(http_requests_total{${routeLabels}, status=~"5.."}[${window}])) ` +
    `or 0 * ${all}) / ${all}`
  )
}

/**
 * p95 of the eight endpoints that are slowest over the time range. A plain topk would choose others at each
 * point.
 */
export const slowestEndpoints =
  `${latencyQuantile(0.95, '$interval', 'method, route')} and on (method, route) ` +
  `topk(8, ${latencyQuantile(0.95, '$__range', 'method, route', ' @ end()')})`

/** Error ratio of all endpoints together, and of each that has errors. */
export const errorsByEndpoint =
  `label_replace(${errorRatio('$interval')}, "route", "all endpoints", "", "") or ` +
  `${errorRatio('$interval', 'method, route')} > 0`

/** Availability, latency and errors: the first screen after a page. */
export const now: Row = {
  title: 'Right now',
  panels: [
    stat({
      title: 'Alerts firing',
      description:
        'Number of firing alerts, without the Watchdog, which always fires. Above 0: open ' +
        'the alert; its runbook says what to do.',
      queries: [
        { expr: 'count(ALERTS{alertstate="firing", alertname!="Watchdog"}) or vector(0)', legend: 'firing' },
      ],
      unit: 'plain',
      width: 3,
      limits: aboveZero('critical'),
    }),
    stat({
      title: 'Instances up',
      description:
        'Instances of the API that Prometheus can scrape. Red when none is up: all other ' +
        'panels then show old data.',
      queries: [{ expr: 'sum(up{job="todo-backend", instance=~"$instance"})', legend: 'up' }],
      unit: 'plain',
      width: 3,
      limits: steps('red', [1, 'green']),
      alerts: ['APIUnreachable'],
    }),
    stat({
      title: 'Errors (5 min)',
      description:
        'Share of requests with a 5xx response over 5 minutes, as in the alerts: yellow from ' +
        '0.5 %, orange from 2 %, red from 5 %.',
      queries: [{ expr: errorRatio('5m'), legend: 'errors' }],
      unit: 'ratio',
      width: 4,
      decimals: 2,
      limits: above(['APIErrorBudgetBurning', 'APIErrorRateElevated', 'APIHighErrorRate'], {
        budget: budgets.errorRatio,
      }),
      alerts: ['APIErrorBudgetBurning', 'APIErrorRateElevated', 'APIHighErrorRate', 'APIUnavailable'],
    }),
    stat({
      title: 'p95 (5 min)',
      description:
        '95 % of requests are faster. Blue above the budget of 500 ms, then the colours of ' +
        'the alerts at 1, 2 and 5 s.',
      queries: [{ expr: latencyQuantile(0.95, '5m'), legend: 'p95' }],
      unit: 'seconds',
      width: 4,
      limits: above(['APISlow', 'APIVerySlow', 'APIHighResponseTime'], { budget: budgets.p95Seconds }),
      alerts: ['APISlow', 'APIVerySlow', 'APIHighResponseTime'],
    }),
    stat({
      title: 'Requests',
      description:
        'Answered requests per second over 5 minutes. Far above or below the usual rate of ' +
        'this hour: look at the routes below.',
      queries: [{ expr: `sum(rate(http_requests_total{${routeLabels}}[5m]))`, legend: 'requests' }],
      unit: 'requestsPerSecond',
      width: 4,
      alerts: ['TrafficUnusual'],
    }),
    stat({
      title: 'In flight',
      description:
        'Requests in progress. Rising at a constant request rate: responses became slower, ' +
        'look at the database.',
      queries: [{ expr: `sum(http_requests_in_flight{${instanceLabels}})`, legend: 'in flight' }],
      unit: 'count',
      width: 3,
    }),
    stat({
      title: 'Users (5 min)',
      description:
        'Users with a request in the last 5 minutes, added over all instances (a user of two ' +
        'instances counts twice). Shows how many users an incident affects.',
      queries: [{ expr: `sum(users_active{${instanceLabels}, window="5m"})`, legend: 'users' }],
      unit: 'count',
      width: 3,
    }),
  ],
}
