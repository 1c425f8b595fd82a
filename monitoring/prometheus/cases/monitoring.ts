import { age, alertCase, counter, gauge, silentCase, steady } from '../timeline.ts'
import type { AlertCase } from '../timeline.ts'

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
    summary: 'Alerting works',
    description: 'This alert always fires. An external service must notify you when it stops.',
  }),
  alertCase('CriticalAlertPersists', '15m', {
    timelines: [gauge(critical, null, 1, null)],
    labels: { unresolved: 'APIUnavailable' },
    overFor: '20m',
    summary: 'APIUnavailable for 15 minutes',
    description:
      'It is still not resolved, so the secondary team, Backend, is called too. First: join the ' +
      'incident, and ask what was tried.',
  }),
  alertCase('CriticalAlertUnresolved', '30m', {
    timelines: [gauge(critical, null, 1, null)],
    labels: { unresolved: 'APIUnavailable' },
    overFor: '40m',
    summary: 'APIUnavailable for 30 minutes',
    description:
      'The primary and the secondary team are working on it or cannot be reached. First: ask the ' +
      'on-call engineer, and inform the users.',
  }),
  alertCase('TargetDown', '2m', {
    timelines: [gauge(up('node-exporter'), 1, 0, 1)],
    labels: { job: 'node-exporter', instance: 'node-exporter:1' },
    summary: 'No scrape of node-exporter node-exporter:1 (up: 0)',
    description:
      'Alerts on its metrics are silent. First: check that the process runs, and read the error of ' +
      'the scrape.',
  }),
  alertCase('TargetMissing', '5m', {
    timelines: core.map((job) =>
      job === 'pushgateway' ? gauge(up(job), 1, null, 1) : steady(up(job), 'gauge', 1),
    ),
    labels: { job: 'pushgateway' },
    summary: 'No target for pushgateway (absent: 1)',
    description:
      'Alerts on its metrics cannot fire. First: look for the job in the configuration of Prometheus.',
    absent: core.map((job) => ({
      labels: { job },
      summary: `No target for ${job} (absent: 1)`,
      description:
        'Alerts on its metrics cannot fire. First: look for the job in the configuration of Prometheus.',
    })),
  }),
  alertCase('MetricsMissing', '5m', {
    timelines: [
      steady(up('todo-backend'), 'gauge', 1),
      gauge('http_requests_total{job="todo-backend",instance="todo-backend:1",status="200"}', 1, null, 1),
    ],
    labels: { job: 'todo-backend', instance: 'todo-backend:1' },
    summary: 'No metrics from todo-backend todo-backend:1 (up: 1)',
    description:
      'It is scraped, but what the alerts read is missing. First: open its /metrics, and compare ' +
      'with the last release.',
  }),
  alertCase('ClockSkew', '5m', {
    timelines: [
      age('node_time_seconds{job="node-exporter",instance="node-exporter:9100"}', 4.9, 8, 0),
      steady('node_time_seconds{job="node-exporter",instance="other:9100"}', 'age', -4.9),
    ],
    labels: { job: 'node-exporter', instance: 'node-exporter:9100' },
    barely: {
      'a clock that is ahead': [steady('node_time_seconds', 'age', -5.1)],
      'a clock that is behind': [steady('node_time_seconds', 'age', 5.1)],
      'a scheduler that is ahead': [steady('vigil_probe_heartbeat_timestamp_seconds', 'age', -5.1)],
      'a scheduler that is behind': [steady('vigil_probe_heartbeat_timestamp_seconds', 'age', 119)],
    },
    quiet: {
      'a heartbeat in time': [steady('vigil_probe_heartbeat_timestamp_seconds', 'age', 4.9)],
      'no heartbeat, which ProbesSilent reports': [
        steady('vigil_probe_heartbeat_timestamp_seconds', 'age', 121),
      ],
    },
    summary: 'Clock of node-exporter:9100 off by 8s (limit 5s)',
    description:
      'Users notice nothing yet, but results of probes may count as expired, and logs are out of order. ' +
      'First: check the time synchronization of that host, then of the host of Prometheus.',
  }),
  // A scheduler that hangs is as late as a clock that is behind, but not for long.
  silentCase('ClockSkew', '5m', {
    timelines: [steady('up', 'gauge', 1), age('vigil_probe_heartbeat_timestamp_seconds', 0, 130, 0)],
  }),
  alertCase('PushStale', '10m', {
    timelines: [age('push_time_seconds{job="vigil",suite="browse",environment="ci"}', 93_500, 93_700, 60)],
    labels: { job: 'vigil', suite: 'browse', environment: 'ci' },
    summary: 'No push of suite browse on ci for 1d 2h 1m 40s',
    description:
      'Slow releases may go unnoticed: the load run did not start, or could not push. First: read ' +
      'the log of the scheduled job.',
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
    summary: 'Push of vigil browse rejected (1970-01-01 00:28:20 +0000 UTC)',
    description:
      'The Pushgateway still shows the previous numbers. First: compare types and help texts of the metrics.',
  }),
  alertCase('ProbeDown', '2m', {
    timelines: [
      gauge('vigil_probe_success{probe="task-crud"}', 1, 0, 1),
      steady('vigil_probe_valid_until_timestamp_seconds{probe="task-crud"}', 'age', -45),
      gauge('vigil_probe_success{probe="health"}', 1, 0, 1),
    ],
    labels: { probe: 'task-crud' },
    summary: 'Probe task-crud down (success: 0)',
    description:
      'Users cannot do what this probe does. First: its steps on the dashboard show where it fails.',
  }),
  alertCase('ProbesSilent', '2m', {
    timelines: [age('vigil_probe_heartbeat_timestamp_seconds{instance="vigil-probes:9464"}', 119, 300, 1)],
    barely: { 'a little later': [steady('vigil_probe_heartbeat_timestamp_seconds', 'age', 125)] },
    labels: { instance: 'vigil-probes:9464' },
    summary: 'No heartbeat of the probe scheduler for 5m 0s',
    description:
      'Nothing checks the service from outside (vigil-probes:9464). First: restart the scheduler, ' +
      'and read its log.',
  }),
  alertCase('ProbeOverdue', '10m', {
    timelines: [
      age('vigil_probe_next_due_timestamp_seconds{probe="tls"}', -5, 660, -3600),
      steady('vigil_probe_outcome{probe="tls",outcome="unknown"}', 'gauge', 1),
    ],
    labels: { probe: 'tls' },
    summary: 'Probe tls overdue for 11m 0s',
    description: 'It is unknown whether users can do what it does. First: read the log of the scheduler.',
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
    summary: 'Probe ready overdue for 2h 0m 0s',
    description: 'It is unknown whether users can do what it does. First: read the log of the scheduler.',
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
    barely: {
      'a little earlier': [steady('vigil_probe_certificate_expiry_timestamp_seconds', 'age', -13.5 * day)],
    },
    overFor: '70m',
    summary: 'Certificate of the API expires in 10d 0h 0m 0s',
    description:
      'After that, no user can connect. Found by the probe tls. First: read the log of the automatic ' +
      'renewal.',
  }),
  alertCase('DrillOverdue', '1h', {
    timelines: [
      age('vigil_drill_last_success_timestamp_seconds{job="vigil_drill"}', 8 * day - 60, 10 * day, 60),
    ],
    barely: { 'a little later': [steady('vigil_drill_last_success_timestamp_seconds', 'age', 8.2 * day)] },
    overFor: '70m',
    summary: 'Last successful alert drill 10d 0h 0m 0s ago',
    description:
      'It is unknown whether alerts still arrive: no drill has succeeded for 8 days. First: run vigil drill.',
  }),
  // No drill in the first week of a deployment, and none in the days after it.
  alertCase('DrillOverdue', '1h', {
    timelines: [
      gauge('up{job="prometheus",instance="prometheus:9090"}', 1, 0, 1),
      age('vigil_drill_last_success_timestamp_seconds', null, null, 60),
    ],
    step: '10m',
    belowFor: '8d',
    overFor: '2h',
    recoveredFor: '1h',
    summary: 'Last successful alert drill unknown (absent: 1)',
    description:
      'It is unknown whether alerts still arrive: no drill has succeeded for 8 days. First: run vigil drill.',
  }),
  alertCase('NotificationsFailing', '5m', {
    timelines: [counter('alertmanager_notifications_failed_total{integration="slack"}', 0, 3, 0)],
    labels: { integration: 'slack' },
    summary: '0.10 failed notifications/s through slack',
    description:
      'People may not learn of an outage, over 5 minutes. First: read the log of Alertmanager, and ' +
      'check the key of the receiver.',
  }),
  // Dropped while Alertmanager started.
  silentCase('AlertmanagerUnreachable', '5m', {
    timelines: [counter('prometheus_notifications_dropped_total', 0, 5, 0)],
    overFor: '1m',
    recoveredFor: '5m',
  }),
  alertCase('AlertmanagerUnreachable', '5m', {
    timelines: [counter('prometheus_notifications_dropped_total{instance="prometheus:9090"}', 0, 3, 0)],
    summary: '0.10 alerts/s dropped by Prometheus',
    description: 'No one learns of an outage, over 5 minutes. First: check that Alertmanager runs.',
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
    summary: '0.10 failed evaluations/s of alert_rules.yml;todo-backend',
    description: 'Alerts of this group cannot fire. First: read the error on the rules page of Prometheus.',
  }),
  alertCase('ConfigurationRejected', '5m', {
    timelines: [
      gauge('prometheus_config_last_reload_successful{job="prometheus",instance="prometheus:9090"}', 1, 0, 1),
    ],
    labels: { job: 'prometheus', instance: 'prometheus:9090' },
    summary: 'Configuration rejected by prometheus prometheus:9090 (successful: 0)',
    description:
      'It runs with the previous one, so new alerts or receivers are missing. First: read its log, ' +
      'and correct the file.',
  }),
]
