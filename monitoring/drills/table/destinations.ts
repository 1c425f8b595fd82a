import type { Destination } from '../observation/observation.ts'

/*
 * Whom an alert reaches, by its severity, as the requirements P1 and P2 say: PagerDuty for critical and high, Slack for
 * medium, email for low and reports, SMS for critical; primary DevOps, secondary Backend, then engineering management.
 * Written here once more and not read from Alertmanager's configuration, which is what is put to the test.
 */
const onCall: Destination = { via: 'pagerduty', address: 'pagerduty_on_call' }

export const critical: readonly Destination[] = [
  onCall,
  { via: 'sms', address: 'arn:aws:sns:eu-central-1:000000000000:todo-on-call' },
]
export const high: readonly Destination[] = [onCall]
export const medium: readonly Destination[] = [{ via: 'slack', address: 'slack_alerts' }]
export const mediumSecurity: readonly Destination[] = [{ via: 'slack', address: 'slack_security' }]
export const reports: readonly Destination[] = [{ via: 'email', address: 'todo-reports@example.com' }]
export const maintenance: readonly Destination[] = [...medium, ...reports]

const minuteMs = 60_000

/** A critical alert that stays for a quarter of an hour. */
export const secondary = {
  alert: 'CriticalAlertPersists',
  to: [{ via: 'pagerduty', address: 'pagerduty_backend' }],
  afterMs: 15 * minuteMs,
} as const
/** For half an hour. */
export const management = {
  alert: 'CriticalAlertUnresolved',
  to: [
    { via: 'pagerduty', address: 'pagerduty_management' },
    { via: 'sms', address: 'arn:aws:sns:eu-central-1:000000000000:todo-management' },
    { via: 'email', address: 'engineering-management@example.com' },
  ],
  afterMs: 30 * minuteMs,
} as const
