import { alertCase, constant, counter, gauge, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

const ok = 'http_requests_total{job="todo-backend",route="/tasks",status="200"}'
const failed = 'http_requests_total{job="todo-backend",route="/tasks",status="503"}'

/** What the inhibitions wait for: a cause that is pending, one that has just ended, and a severity. */
function causeCase(
  cause: string,
  timelines: readonly SeriesTimeline[],
  quiet?: AlertCase['quiet'],
  barely?: AlertCase['barely'],
): AlertCase {
  return alertCase('CausePending', undefined, {
    timelines,
    labels: { cause },
    ...(quiet !== undefined && { quiet }),
    ...(barely !== undefined && { barely }),
    summary: `Alerts that follow from ${cause} held back (value 1)`,
    description:
      'Alertmanager holds them back while the cause is pending or firing, and for 5 minutes after its end. ' +
      'This alert is sent to no one.',
  })
}

function alertsSeries(alert: string, alertstate: string, labels = ''): string {
  return `ALERTS{alertname="${alert}",alertstate="${alertstate}"${labels}}`
}

function slowQueries(count: number): SeriesTimeline[] {
  return [
    constant('db_query_duration_seconds_sum{query="exports.purge"}', 2),
    constant('db_query_duration_seconds_count{query="exports.purge"}', count),
  ]
}

/** The alert DatabaseUnreachable fires in the first or in the second stage. */
function databaseDown(below: number | null, over: number | null): SeriesTimeline {
  return gauge(alertsSeries('DatabaseUnreachable', 'firing'), below, over, null)
}

const criticalErrors = ',severity="critical",signal="errors"'
const highErrors = ',severity="high",signal="errors"'

export const causeCases: readonly AlertCase[] = [
  causeCase('DatabaseUnreachable', [gauge(alertsSeries('DatabaseUnreachable', 'pending'), null, 1, null)], {
    'an alert that nothing follows from': [steady(alertsSeries('DiskSpaceLow', 'firing'), 'gauge', 1)],
  }),
  causeCase('APIUnreachable', [gauge(alertsSeries('APIUnreachable', 'firing'), null, 1, null)]),
  causeCase('critical errors', [
    gauge(alertsSeries('APIHighErrorRate', 'pending', criticalErrors), null, 1, null),
  ]),
  causeCase('high latency', [
    gauge(alertsSeries('APIVerySlow', 'pending', ',severity="high",signal="latency"'), null, 1, null),
  ]),
  causeCase('high errors', [
    gauge(alertsSeries('APIErrorRateElevated', 'firing', highErrors), null, 1, null),
  ]),
  causeCase(
    'AuthenticationServiceDown',
    [
      counter('auth_attempts_total{action="login",result="error"}', 4.9, 5.2, 0),
      counter('auth_attempts_total{action="login",result="success"}', 5, 5, 5),
    ],
    { 'errors, but hardly any': [constant('auth_attempts_total{action="login",result="error"}', 0.55)] },
    { 'a few more': [constant('auth_attempts_total{action="login",result="error"}', 0.62)] },
  ),
  causeCase(
    'DatabaseQueriesSlow',
    [
      counter('db_query_duration_seconds_sum{query="tasks.list"}', 4.95, 5.1, 1),
      counter('db_query_duration_seconds_count{query="tasks.list"}', 5, 5, 5),
    ],
    { 'slow queries, but hardly any': slowQueries(0.55) },
    { 'a few more': slowQueries(0.62) },
  ),
  // It ended 4 minutes ago. Then requests still fail: something else is wrong.
  ...[
    [constant(ok, 97.9), constant(failed, 2.1)],
    [constant(ok, 2), constant(failed, 0.32)],
  ].map((failures) => ({
    ...causeCase('DatabaseUnreachable', [databaseDown(null, 1), ...failures]),
    recoveredFor: '4m',
  })),
  // Requests have recovered.
  {
    ...causeCase('DatabaseUnreachable', [databaseDown(null, 1)], undefined, {
      'few requests fail': [databaseDown(1, null), constant(ok, 98.05), constant(failed, 1.95)],
      'hardly any requests': [databaseDown(1, null), constant(ok, 2), constant(failed, 0.29)],
    }),
    overFor: '4m',
    recoveredFor: '6m',
  },
]
