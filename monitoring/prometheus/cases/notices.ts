import { age, alertCase, constant, counter, gauge, silentCase, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

const days = { step: '10m', evaluation: '30m', belowFor: '25h', overFor: '25h', recoveredFor: '25h' } as const
const hours = { step: '10m', belowFor: '1h', overFor: '2h', recoveredFor: '1h' } as const
/** A fortnight, then a week of another use. */
const twoWeeks = { step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', recoveredFor: '8d' } as const

function used(before: number, after: number): SeriesTimeline[] {
  return [counter('http_requests_total{route="/tasks",status="200"}', before, after, after)]
}

const windowStart = 'maintenance_window_start_timestamp_seconds{window="db-upgrade"}'
const windowEnd = 'maintenance_window_end_timestamp_seconds{window="db-upgrade"}'

export const noticeCases: readonly AlertCase[] = [
  // The probes register one account every ten minutes, of their own.
  alertCase('NewRegistrations', '5m', {
    timelines: [
      counter('user_registrations_total', 1.0135, 1.1, 1),
      steady('vigil_probe_runs_total{probe="task-crud",outcome="up"}', 'counter', 1),
    ],
    barely: {
      'a little over the limit': [
        constant('user_registrations_total', 1.0146),
        constant('vigil_probe_runs_total{probe="task-crud",outcome="up"}', 1),
      ],
      'in addition to the two accounts of each authorization': [
        constant('user_registrations_total', 2.0146),
        constant('vigil_probe_runs_total{probe="authorization",outcome="up"}', 1),
      ],
    },
    ...days,
    summary: 'About 14 new users within a day',
    description: 'Accounts of the probes are not counted. No action is needed.',
  }),
  // The two accounts of each authorization.
  silentCase('NewRegistrations', '5m', {
    timelines: [
      constant('user_registrations_total', 2.0135),
      constant('vigil_probe_runs_total{probe="authorization",outcome="up"}', 1),
    ],
    ...days,
  }),
  alertCase('UsageTrend', '1h', {
    timelines: used(600, 900),
    barely: { 'a tenth more': used(600, 660), 'a little more than hardly any': used(3.1, 6.2) },
    ...twoWeeks,
    summary: 'API usage changed by 50% within a week',
    description:
      'Compares the requests of users over 7 days with the 7 days before. First: compare with the ' +
      'capacity forecast.',
  }),
  silentCase('UsageTrend', '1h', { timelines: used(600, 650), ...twoWeeks }),
  alertCase('UsageTrend', '1h', {
    timelines: used(600, 516),
    ...twoWeeks,
    summary: 'API usage changed by -14% within a week',
    description:
      'Compares the requests of users over 7 days with the 7 days before. First: compare with the ' +
      'capacity forecast.',
  }),
  silentCase('UsageTrend', '1h', { timelines: used(600, 550), ...twoWeeks }),
  // Twice as much of next to nothing.
  silentCase('UsageTrend', '1h', { timelines: used(2.9, 5.8), ...twoWeeks }),
  alertCase('FeatureAdoption', '1h', {
    timelines: [
      steady('feature_users{feature="export"}', 'gauge', 3),
      gauge('users_active{window="24h"}', 9.5, 12, 2),
      steady('users_active{window="5m"}', 'gauge', 50),
    ],
    quiet: {
      'the accounts of the probes': [
        { series: 'feature_users{feature="export"}', kind: 'gauge', below: 0, over: 20, recovered: 0 },
        steady('users_active{window="24h"}', 'gauge', 30),
        constant('vigil_probe_runs_total{probe="task-crud"}', 10),
      ],
    },
    barely: {
      'ten users': [
        steady('feature_users{feature="export"}', 'gauge', 3),
        steady('users_active{window="24h"}', 'gauge', 10),
      ],
    },
    ...hours,
    labels: { feature: 'export' },
    summary: '25% of active users with export',
    description: 'Of the users of the last 24 hours. No action is needed.',
  }),
  alertCase('MaintenanceWindowAnnounced', undefined, {
    timelines: [age(windowStart, -86_430, -7200, 60)],
    barely: { 'in less than a day': [steady(windowStart, 'age', -80_000)] },
    labels: { window: 'db-upgrade' },
    summary: 'Maintenance db-upgrade in 2h 0m 0s',
    description:
      'Users may notice it. Alerts of the service are muted during the window. First: check that ' +
      'nothing else is planned.',
  }),
  alertCase('MaintenanceWindow', undefined, {
    timelines: [age(windowStart, -30, 600, 4000), age(windowEnd, -3600, -3000, 10)],
    labels: { window: 'db-upgrade' },
    barely: {
      'a window of almost 12 hours': [steady(windowStart, 'age', 600), steady(windowEnd, 'age', -42_000)],
    },
    quiet: {
      'a window of 13 hours': [steady(windowStart, 'age', 3600), steady(windowEnd, 'age', -43_300)],
    },
    summary: 'Maintenance db-upgrade for another 50m 0s',
    description:
      'Alerts of the service are muted until then, those of attacks are not. First: nothing; who ' +
      'maintains, watches.',
  }),
]

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
    summary: `Alerts that follow from ${cause} held back`,
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

/** The alert AuthenticationFailuresHigh fires in the first or in the second stage. */
function fastGuesses(below: number | null, over: number | null): SeriesTimeline {
  return gauge(alertsSeries('AuthenticationFailuresHigh', 'firing'), below, over, null)
}

const criticalErrors = ',severity="critical",signal="errors"'
const criticalService = ',severity="critical",service="todo-backend"'
const highErrors = ',severity="high",signal="errors"'

export const causeCases: readonly AlertCase[] = [
  causeCase('DatabaseUnreachable', [gauge(alertsSeries('DatabaseUnreachable', 'pending'), null, 1, null)], {
    'an alert that nothing follows from': [steady(alertsSeries('DiskSpaceLow', 'firing'), 'gauge', 1)],
  }),
  causeCase('APIUnreachable', [gauge(alertsSeries('APIUnreachable', 'firing'), null, 1, null)]),
  causeCase('critical errors', [
    gauge(alertsSeries('APIHighErrorRate', 'pending', criticalErrors), null, 1, null),
  ]),
  causeCase(
    'critical errors',
    [counter(ok, 95.5, 90, 100), counter(failed, 4.5, 10, 0)],
    {
      'a little less': [constant(ok, 95.2), constant(failed, 4.8)],
      'hardly any failures': [constant(ok, 1), constant(failed, 0.28)],
    },
    {
      'a little more': [constant(ok, 94.8), constant(failed, 5.2)],
      'a few failures': [constant(ok, 1), constant(failed, 0.32)],
    },
  ),
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
  // FailedLoginsUnusual would fire for 8 more minutes.
  {
    ...causeCase('AuthenticationFailuresHigh', [fastGuesses(null, 1)], undefined, {
      'it ended 9 minutes ago': [fastGuesses(1, null)],
    }),
    overFor: '9m',
  },
  // FailedLoginsUnusual was sent before: then its resolution is sent, too.
  {
    ...causeCase('AuthenticationFailuresHigh', [
      fastGuesses(null, 1),
      gauge(alertsSeries('FailedLoginsUnusual', 'firing'), 1, 1, 1),
    ]),
    never: true,
  },
  // It ended 12 minutes ago, and another critical alert of the service is pending. At the end there is none.
  {
    ...causeCase('ended APIHighErrorRate', [
      gauge(alertsSeries('APIHighErrorRate', 'firing', criticalService), 1, null, null),
      gauge(alertsSeries('APIHighResponseTime', 'pending', criticalService), 1, 1, null),
    ]),
    overFor: '12m',
    recoveredFor: '2m',
  },
  // It ended half a minute ago: its end may not have been sent yet.
  {
    ...causeCase('ended APIHighErrorRate', [
      gauge(alertsSeries('APIHighErrorRate', 'firing', criticalService), 1, null, 1),
      gauge(alertsSeries('APIHighResponseTime', 'pending', criticalService), 1, 1, 1),
    ]),
    never: true,
    overFor: '30s',
    recoveredFor: '2m',
  },
  // It ended 4 minutes ago. Then requests still fail: something else is wrong.
  ...[
    [constant(ok, 97.9), constant(failed, 2.1)],
    [constant(ok, 8), constant(failed, 0.32)],
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
