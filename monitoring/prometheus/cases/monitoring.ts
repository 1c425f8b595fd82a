import { age, alertCase, counter, gauge, silentCase, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

const day = 86_400
const up = (job: string): string => `up{job="${job}",instance="${job}:1"}`
const core = [
  'todo-backend',
  'node-exporter',
  'postgres-exporter',
  'process-exporter',
  'pushgateway',
  'vigil-probes',
  'alertmanager',
] as const
const critical = 'ALERTS{alertname="APIUnavailable",alertstate="firing",severity="critical"}'

export const monitoringCases: readonly AlertCase[] = [
  alertCase('Watchdog', undefined, {
    always: true,
    timelines: [],
    summary: 'Alerting works (value 1)',
    description: 'This alert always fires. An external service must notify you when it stops.',
  }),
  alertCase('CriticalAlertPersists', '15m', {
    timelines: [gauge(critical, null, 1, null)],
    labels: { unresolved: 'APIUnavailable' },
    overFor: '20m',
    summary: 'APIUnavailable has been firing for 15 minutes (value 1)',
    description:
      'The critical alert APIUnavailable has not been resolved for 15 minutes. The ' +
      'secondary team, Backend, is now notified, too.',
  }),
  alertCase('CriticalAlertUnresolved', '30m', {
    timelines: [gauge(critical, null, 1, null)],
    labels: { unresolved: 'APIUnavailable' },
    overFor: '40m',
    summary: 'APIUnavailable has been firing for 30 minutes (value 1)',
    description:
      'The critical alert APIUnavailable has not been resolved for 30 minutes. The primary ' +
      'and the secondary team are working on it or cannot be reached.',
  }),
  alertCase('TargetDown', '2m', {
    timelines: [gauge(up('node-exporter'), 1, 0, 1)],
    labels: { job: 'node-exporter', instance: 'node-exporter:1' },
    summary: 'Prometheus cannot scrape node-exporter node-exporter:1 (up is 0)',
    description: 'node-exporter at node-exporter:1 has not responded to scrapes for 2 minutes.',
  }),
  alertCase('TargetMissing', '5m', {
    timelines: core.map((job) =>
      job === 'pushgateway' ? gauge(up(job), 1, null, 1) : steady(up(job), 'gauge', 1),
    ),
    labels: { job: 'pushgateway' },
    summary: 'No target is scraped for pushgateway (absent: 1)',
    description: 'Prometheus has no target for the job pushgateway. No alert on its metrics can fire.',
    absent: core.map((job) => ({
      labels: { job },
      summary: `No target is scraped for ${job} (absent: 1)`,
      description: `Prometheus has no target for the job ${job}. No alert on its metrics can fire.`,
    })),
  }),
  alertCase('MetricsMissing', '5m', {
    timelines: [
      steady(up('todo-backend'), 'gauge', 1),
      gauge('http_requests_total{job="todo-backend",instance="todo-backend:1",status="200"}', 1, null, 1),
    ],
    labels: { job: 'todo-backend', instance: 'todo-backend:1' },
    summary: 'todo-backend todo-backend:1 is scraped without its metrics (up is 1)',
    description:
      'todo-backend at todo-backend:1 is scraped, but the metrics that the alerts use are missing.',
  }),
  alertCase('PushStale', '10m', {
    timelines: [age('push_time_seconds{job="vigil",suite="browse",environment="ci"}', 93_500, 93_700, 60)],
    labels: { job: 'vigil', suite: 'browse', environment: 'ci' },
    summary: 'No metrics were pushed for suite browse since 1d 2h 1m 40s',
    description:
      'The numbers of suite browse on ci are 1d 2h 1m 40s old: the load run did not start or could not push.',
  }),
  // Drills run every week, and probes by their own interval.
  silentCase('PushStale', '10m', {
    timelines: [
      steady('push_time_seconds{job="vigil",suite="drill"}', 'age', 6 * day),
      steady(
        'push_time_seconds{job="vigil",probe="weekly",environment="shop",place="berlin"}',
        'age',
        6 * day,
      ),
    ],
  }),
  alertCase('PushFailed', '5m', {
    timelines: [
      age('push_time_seconds{job="vigil",suite="browse"}', 60, 600, 60),
      age('push_failure_time_seconds{job="vigil",suite="browse"}', 60, 10, 600),
    ],
    labels: { job: 'vigil', suite: 'browse' },
    summary: 'The last push of vigil failed (at 1970-01-01 00:28:20 +0000 UTC)',
    description:
      'The Pushgateway rejected the last push of vigil browse and still shows the previous numbers.',
  }),
  alertCase('ProbeDown', '2m', {
    timelines: [
      gauge('vigil_probe_success{probe="task-crud"}', 1, 0, 1),
      steady('vigil_probe_valid_until_timestamp_seconds{probe="task-crud"}', 'age', -45),
      gauge('vigil_probe_success{probe="health"}', 1, 0, 1),
    ],
    labels: { probe: 'task-crud' },
    summary: 'Probe task-crud is down (success is 0)',
    description: 'Users cannot do what the probe task-crud does. Its steps show where it fails.',
  }),
  alertCase('ProbesSilent', '2m', {
    timelines: [age('vigil_probe_heartbeat_timestamp_seconds{instance="vigil-probes:9464"}', 119, 300, 1)],
    labels: { instance: 'vigil-probes:9464' },
    summary: 'The probe scheduler has not run for 5m 0s',
    description: 'The heartbeat of vigil-probes:9464 is 5m 0s old: no probe checks the service.',
  }),
  alertCase('ProbeOverdue', '10m', {
    timelines: [
      age('vigil_probe_next_due_timestamp_seconds{probe="tls"}', -5, 660, -3600),
      steady('vigil_probe_outcome{probe="tls",outcome="unknown"}', 'gauge', 1),
    ],
    labels: { probe: 'tls' },
    summary: 'Probe tls has been overdue for 11m 0s',
    description: 'The result of the probe tls is unknown: neither up nor down.',
  }),
  // Pushed by cron; a probe that the same Prometheus scrapes is not overdue.
  alertCase('ProbeOverdue', '10m', {
    timelines: [
      age(
        'vigil_probe_next_due_timestamp_seconds{job="vigil",probe="ready",environment="shop",place="berlin"}',
        -5,
        7200,
        -3600,
      ),
      steady('vigil_probe_next_due_timestamp_seconds{job="vigil-probes",probe="ready"}', 'age', -20),
    ],
    labels: { probe: 'ready', environment: 'shop', place: 'berlin' },
    summary: 'Probe ready has been overdue for 2h 0m 0s',
    description: 'The result of the probe ready is unknown: neither up nor down.',
  }),
  // After a start of the scheduler: an hourly and a daily probe are unknown until their first due time. A
  // daily one that ran 20 hours ago, or one whose week-end has begun, is not overdue either.
  silentCase('ProbeOverdue', '10m', {
    timelines: [
      steady('vigil_probe_outcome{probe="tls",outcome="unknown"}', 'gauge', 1),
      steady('vigil_probe_next_due_timestamp_seconds{probe="tls"}', 'age', -3000),
      steady('vigil_probe_outcome{probe="daily",outcome="unknown"}', 'gauge', 1),
      steady('vigil_probe_next_due_timestamp_seconds{probe="daily"}', 'age', -14_400),
      steady('vigil_probe_last_run_timestamp_seconds{probe="daily"}', 'age', 72_000),
      steady('vigil_probe_next_due_timestamp_seconds{probe="weekdays"}', 'age', -200_000),
      steady('vigil_probe_last_run_timestamp_seconds{probe="weekdays"}', 'age', 20_000),
    ],
  }),
  // The last push of a probe that no longer runs is not the state of the target for ever.
  ...['ProbeDown', 'APIUnreachable', 'AuthenticationServiceDown'].map((alert) => {
    const probe = { ProbeDown: 'task-crud', APIUnreachable: 'health' }[alert] ?? 'auth-flow'
    const labels = `job="vigil",probe="${probe}",environment="shop",place="berlin"`
    return silentCase(alert, alert === 'ProbeDown' ? '2m' : '1m', {
      timelines: [
        steady(`vigil_probe_success{${labels}}`, 'gauge', 0),
        steady(`vigil_probe_valid_until_timestamp_seconds{${labels}}`, 'age', 30),
        // Of another place, which is valid and up.
        steady(`vigil_probe_success{${labels.replace('berlin', 'tokyo')}}`, 'gauge', 1),
        steady(`vigil_probe_valid_until_timestamp_seconds{${labels.replace('berlin', 'tokyo')}}`, 'age', -60),
      ],
    })
  }),
  alertCase('CertificateExpiring', '1h', {
    timelines: [
      age(
        'vigil_probe_certificate_expiry_timestamp_seconds{probe="tls"}',
        -14 * day - 60,
        -10 * day,
        -90 * day,
      ),
    ],
    labels: { probe: 'tls' },
    overFor: '70m',
    summary: 'The certificate of the API expires in 10d 0h 0m 0s',
    description: 'Found by the probe tls. After that, no client can connect.',
  }),
  alertCase('DrillOverdue', '1h', {
    timelines: [
      age('vigil_drill_last_success_timestamp_seconds{job="vigil_drill"}', 8 * day - 60, 10 * day, 60),
    ],
    overFor: '70m',
    summary: 'The last successful alert drill was 10d 0h 0m 0s ago',
    description: 'No drill has tested the delivery of alerts for 8 days.',
    absent: [
      {
        labels: {},
        summary: 'The last successful alert drill is unknown (absent: 1)',
        description: 'No drill has tested the delivery of alerts for 8 days.',
      },
    ],
  }),
  alertCase('NotificationsFailing', '5m', {
    timelines: [counter('alertmanager_notifications_failed_total{integration="slack"}', 0, 3, 0)],
    labels: { integration: 'slack' },
    summary: 'Notifications through slack fail (0.10 per second)',
    description: 'Alertmanager cannot deliver through slack: 0.10 attempts per second fail over 5 minutes.',
  }),
  alertCase('AlertmanagerUnreachable', '5m', {
    timelines: [counter('prometheus_notifications_dropped_total{instance="prometheus:9090"}', 0, 3, 0)],
    summary: 'Prometheus drops 0.10 alerts per second',
    description: 'Prometheus could not send 0.10 alerts per second to Alertmanager over 5 minutes.',
  }),
  alertCase('RuleEvaluationFailing', '5m', {
    timelines: [
      counter(
        'prometheus_rule_evaluation_failures_total{rule_group="alert_rules.yml;todo-backend"}',
        0,
        3,
        0,
      ),
    ],
    labels: { rule_group: 'alert_rules.yml;todo-backend' },
    summary: 'Rules of alert_rules.yml;todo-backend fail (0.10 per second)',
    description: 'Prometheus cannot evaluate rules of the group alert_rules.yml;todo-backend.',
  }),
  alertCase('ConfigurationRejected', '5m', {
    timelines: [
      gauge('prometheus_config_last_reload_successful{job="prometheus",instance="prometheus:9090"}', 1, 0, 1),
    ],
    labels: { job: 'prometheus', instance: 'prometheus:9090' },
    summary: 'prometheus rejected its configuration (successful: 0)',
    description:
      'prometheus at prometheus:9090 runs with an older configuration because the new one has an error.',
  }),
]

const days = { step: '10m', belowFor: '25h', overFor: '25h', recoveredFor: '25h' } as const
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
      counter('user_registrations_total', 1.0125, 1.1, 1),
      steady('vigil_probe_runs_total{probe="task-crud",outcome="up"}', 'counter', 1),
    ],
    ...days,
    summary: 'About 14 new users within a day',
    description: '14 accounts were registered within 24 hours. Accounts of the probes are not counted.',
  }),
  alertCase('UsageTrend', '1h', {
    timelines: used(600, 900),
    ...twoWeeks,
    summary: 'API usage changed by 50% within a week',
    description: 'Requests of users over the last 7 days, compared with the 7 days before: 50%.',
  }),
  silentCase('UsageTrend', '1h', { timelines: used(600, 650), ...twoWeeks }),
  alertCase('UsageTrend', '1h', {
    timelines: used(600, 516),
    ...twoWeeks,
    summary: 'API usage changed by -14% within a week',
    description: 'Requests of users over the last 7 days, compared with the 7 days before: -14%.',
  }),
  silentCase('UsageTrend', '1h', { timelines: used(600, 550), ...twoWeeks }),
  // Twice as much of next to nothing.
  silentCase('UsageTrend', '1h', { timelines: used(2.7, 5.4), ...twoWeeks }),
  alertCase('FeatureAdoption', '1h', {
    timelines: [
      steady('feature_users{feature="export"}', 'gauge', 3),
      gauge('users_active{window="24h"}', 9, 12, 2),
      steady('users_active{window="5m"}', 'gauge', 50),
    ],
    ...hours,
    labels: { feature: 'export' },
    summary: '25% of active users used export',
    description: '25% of the users of the last 24 hours used the feature export.',
  }),
  alertCase('MaintenanceWindowAnnounced', undefined, {
    timelines: [age(windowStart, -86_430, -7200, 60)],
    labels: { window: 'db-upgrade' },
    summary: 'Maintenance db-upgrade begins in 2h 0m 0s',
    description:
      'The maintenance window db-upgrade begins in 2h 0m 0s. Alerts of the service are ' +
      'muted during the window.',
  }),
  alertCase('MaintenanceWindow', undefined, {
    timelines: [age(windowStart, -30, 600, 4000), age(windowEnd, -3600, -3000, 10)],
    labels: { window: 'db-upgrade' },
    quiet: {
      'a window of 13 hours': [steady(windowStart, 'age', 3600), steady(windowEnd, 'age', -43_300)],
    },
    summary: 'Maintenance db-upgrade is active for another 50m 0s',
    description: 'Alerts of the service are muted until the maintenance window db-upgrade ends in 50m 0s.',
  }),
]
