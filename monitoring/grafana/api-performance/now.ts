import type { Row } from '../dashboard.ts'
import { budgets } from '../limits.ts'
import {
  above,
  aboveZero,
  alertedBy,
  line,
  logsLink,
  stat,
  steps,
  table,
  tracesLink,
} from '../panels/index.ts'

/** Labels of the API instances that the reader chose. */
export const instanceLabels = 'job="todo-backend", instance=~"$instance"'
/** The same, with the routes that the reader chose. */
export const routeLabels = `${instanceLabels}, route=~"$route"`

/** Unit, limits and runbooks of every panel of latency. */
export const latencyLimits = {
  unit: 'seconds',
  ...alertedBy(['APISlow', 'APIVerySlow', 'APIHighResponseTime'], { budget: budgets.p95Seconds }),
  links: [
    logsLink('requests over 1 s', 'responseTimeMs > 1000'),
    tracesLink('requests over 1 s', 'duration > 1s'),
  ],
} as const

const errorAlerts = ['APIErrorBudgetBurning', 'APIErrorRateElevated', 'APIHighErrorRate'] as const
/** Unit, limits and runbooks of every panel of errors. */
export const errorLimits = {
  unit: 'ratio',
  limits: above(errorAlerts),
  alerts: [...errorAlerts, 'APIUnavailable'],
  links: [logsLink('failed requests', 'status >= 500'), tracesLink('failed requests', 'status = error')],
} as const

/** Quantile over all instances: their buckets are added, since quantiles cannot be averaged. */
export function latencyQuantile(quantile: number, window: string, by = '', at = ''): string {
  return (
    `histogram_quantile(${quantile}, sum by (le${by === '' ? '' : `, ${by}`}) ` +
    `(rate(http_request_duration_seconds_bucket{${routeLabels}}[${window}]${at})))`
  )
}

/** Share of requests with a 5xx response. 0 when no request failed, no value without requests. */
export function errorRatio(window: string, by = '', at = ''): string {
  const grouped = by === '' ? 'sum' : `sum by (${by})`
  const all = `${grouped} (rate(http_requests_total{${routeLabels}}[${window}]${at}))`
  return (
    `(${grouped} (rate(http_requests_total{${routeLabels}, status=~"5.."}[${window}]${at})) ` +
    `or 0 * ${all}) / ${all}`
  )
}

/**
 * p95 of the eight endpoints that are slowest over the time range. A plain topk would choose others at each
 * point.
 */
export const slowestEndpoints =
  `${latencyQuantile(0.95, '$__rate_interval', 'method, route')} and on (method, route) ` +
  `topk(8, ${latencyQuantile(0.95, '$__range', 'method, route', ' @ end()')})`

/** Error ratio of all endpoints together, and of the eight that had most over the time range. */
export const errorsByEndpoint =
  `label_replace(${errorRatio('$__rate_interval')}, "route", "all endpoints", "", "") or ` +
  `${errorRatio('$__rate_interval', 'method, route')} > 0 and on (method, route) ` +
  `topk(8, ${errorRatio('$__range', 'method, route', ' @ end()')} > 0)`

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
        line('firing', 'count(ALERTS{alertstate="firing", alertname!~"Watchdog|CausePending"}) or vector(0)'),
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
      queries: [line('up', 'sum(up{job="todo-backend", instance=~"$instance"})')],
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
      queries: [line('errors', errorRatio('5m'))],
      width: 4,
      decimals: 2,
      ...errorLimits,
      limits: above(errorAlerts, { budget: budgets.errorRatio }),
    }),
    stat({
      title: 'p95 (5 min)',
      description:
        '95 % of requests are faster. Blue above the budget of 500 ms, then the colours of ' +
        'the alerts at 1, 2 and 5 s.',
      queries: [line('p95', latencyQuantile(0.95, '5m'))],
      ...latencyLimits,
      width: 4,
    }),
    stat({
      title: 'Requests',
      description:
        'Answered requests per second over 5 minutes. Far above or below the usual rate of ' +
        'this hour: look at the routes below.',
      queries: [line('requests', `sum(rate(http_requests_total{${routeLabels}}[5m]))`)],
      unit: 'requestsPerSecond',
      width: 4,
      alerts: ['TrafficUnusual'],
    }),
    stat({
      title: 'In flight',
      description:
        'Requests in progress. Rising at a constant request rate: responses became slower, ' +
        'look at the database.',
      queries: [line('in flight', `sum(http_requests_in_flight{${instanceLabels}})`)],
      unit: 'count',
      width: 3,
    }),
    stat({
      title: 'Users (5 min)',
      description:
        'Users with a request in the last 5 minutes, added over all instances (a user of two ' +
        'instances counts twice). Shows how many users an incident affects.',
      queries: [line('users', `sum(users_active{${instanceLabels}, window="5m"})`)],
      unit: 'count',
      width: 3,
    }),
    table({
      title: 'Alerts firing, and since when',
      description:
        'The alerts that fire, the earliest first: it is often the cause of the others. Since: from when ' +
        'their condition was true. Open the runbook of the first one.',
      queries: [
        {
          expr:
            'max by (alertname, severity) (1000 * ALERTS_FOR_STATE{alertname!~"Watchdog|CausePending"} * ' +
            'ignoring (alertstate) group_right () ' +
            'ALERTS{alertstate="firing", alertname!~"Watchdog|CausePending"})',
        },
      ],
      unit: 'ago',
      width: 24,
      height: 6,
      columns: { severity: 'Severity', alertname: 'Alert' },
      value: 'Since',
      least: true,
      none: 'No alert is firing',
    }),
  ],
}
