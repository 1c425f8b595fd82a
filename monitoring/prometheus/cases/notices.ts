import { age, counter, gauge, steady } from './case.ts'
import type { AlertCase } from './case.ts'

export const noticeCases: readonly AlertCase[] = [
  // The probes register one account every ten minutes, of their own.
  {
    alert: 'NewRegistrations', for: '5m', step: '10m', belowFor: '25h', overFor: '25h', wellFor: '25h', courses: [counter('user_registrations_total', 1.0125, 1.1, 1), steady('vigil_probe_runs_total{probe="task-crud",outcome="up"}', 'counter', 1)],
    summary: 'About 14 new users within a day',
    description: '14 accounts were registered within 24 hours, without those of the probes.',
  },
  {
    alert: 'UsageTrend', for: '1h', step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', wellFor: '8d', courses: [counter('http_requests_total{route="/tasks",status="200"}', 600, 900, 900)],
    summary: 'API usage changed by 50% within a week',
    description: 'Requests of users over the last 7 days, against the 7 days before: 50%.',
  },
  { alert: 'UsageTrend', for: '1h', step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', wellFor: '8d', courses: [counter('http_requests_total{route="/tasks",status="200"}', 600, 650, 650)], never: true, summary: '', description: '' },
  {
    alert: 'UsageTrend', for: '1h', step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', wellFor: '8d', courses: [counter('http_requests_total{route="/tasks",status="200"}', 600, 516, 516)],
    summary: 'API usage changed by -14% within a week',
    description: 'Requests of users over the last 7 days, against the 7 days before: -14%.',
  },
  { alert: 'UsageTrend', for: '1h', step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', wellFor: '8d', courses: [counter('http_requests_total{route="/tasks",status="200"}', 600, 550, 550)], never: true, summary: '', description: '' },
  // Twice as much of next to nothing.
  { alert: 'UsageTrend', for: '1h', step: '5m', evaluation: '1h', belowFor: '15d', overFor: '7d', wellFor: '8d', courses: [counter('http_requests_total{route="/tasks",status="200"}', 2.7, 5.4, 5.4)], never: true, summary: '', description: '' },
  {
    alert: 'FeatureAdoption', for: '1h', step: '10m', belowFor: '1h', overFor: '2h', wellFor: '1h', courses: [steady('feature_users{feature="export"}', 'gauge', 3), gauge('users_active{window="24h"}', 9, 12, 2), steady('users_active{window="5m"}', 'gauge', 50)], labels: { feature: 'export' },
    summary: '25% of active users used export',
    description: '25% of the users of the last 24 hours used the feature export.',
  },
  {
    alert: 'MaintenanceWindowAnnounced', courses: [age('maintenance_window_start_timestamp_seconds{window="db-upgrade"}', -86_430, -7200, 60)], labels: { window: 'db-upgrade' },
    summary: 'Maintenance db-upgrade begins in 2h 0m 0s',
    description: 'The maintenance window db-upgrade begins in 2h 0m 0s; alerts of the service are muted in it.',
  },
  {
    alert: 'MaintenanceWindow', courses: [age('maintenance_window_start_timestamp_seconds{window="db-upgrade"}', -30, 600, 4000), age('maintenance_window_end_timestamp_seconds{window="db-upgrade"}', -3600, -3000, 10)], labels: { window: 'db-upgrade' }, quiet: { 'a window of 13 hours': [steady('maintenance_window_start_timestamp_seconds{window="db-upgrade"}', 'age', 3600), steady('maintenance_window_end_timestamp_seconds{window="db-upgrade"}', 'age', -43_300)] },
    summary: 'Maintenance db-upgrade is on for another 50m 0s',
    description: 'Alerts of the service are muted until the maintenance window db-upgrade ends in 50m 0s.',
  },
]
