import { alertCase, constant, counter, gauge, silentCase, steady } from '../timeline.ts'
import type { AlertCase, SeriesTimeline } from '../timeline.ts'

function logins(failures: number, successes: number): SeriesTimeline[] {
  return [
    constant('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', failures),
    constant('auth_attempts_total{action="login",result="success",reason="none"}', successes),
  ]
}

/** A counter a little over its limit, for the stage over the limit. */
function barelyOver(series: string, over: number): Record<string, SeriesTimeline[]> {
  return { 'a little over the limit': [counter(series, 0, over, 0)] }
}

const window15 = { belowFor: '20m', overFor: '20m', recoveredFor: '20m' }

const dayBefore = { step: '5m', belowFor: '26h', overFor: '40m', recoveredFor: '1h' } as const

export const securityCases: readonly AlertCase[] = [
  alertCase('FailedLoginsUnusual', '5m', {
    timelines: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 4.9, 30, 1),
      counter('auth_attempts_total{action="login",result="success",reason="none"}', 5, 5, 5),
    ],
    quiet: {
      'failures, but hardly any': [
        steady(
          'auth_attempts_total{action="login",result="failure",reason="wrong_password"}',
          'counter',
          2.9,
        ),
        steady('auth_attempts_total{action="login",result="success",reason="none"}', 'counter', 1),
      ],
    },
    barely: {
      'a little over the limit': logins(5.2, 5),
      'a little over the minimum': logins(3.1, 1),
    },
    summary: '85.7% of logins failing (limit 50%)',
    description:
      'Someone may be guessing passwords slowly: wrong password or no account, over 10 minutes. ' +
      'First: find the addresses on the dashboard.',
  }),
  alertCase('AccountLockouts', '1m', {
    timelines: [counter('auth_lockouts_total', 0.099, 1, 0)],
    barely: barelyOver('auth_lockouts_total', 0.104),
    ...window15,
    summary: '2 accounts locked a minute (limit 0.2)',
    description:
      'These users cannot log in for a while: too many failed logins, over 15 minutes. First: one ' +
      'address or many? Then block it.',
  }),
  alertCase('SuspiciousAddresses', '2m', {
    timelines: [
      gauge('auth_suspicious_addresses{instance="a"}', 0, 2, 0),
      steady('auth_suspicious_addresses{instance="b"}', 'gauge', 0),
    ],
    summary: '2 suspicious addresses',
    description:
      'Each failed to authenticate ten times or more within 15 minutes. First: find them in the log, ' +
      'and block them if they continue.',
  }),
  alertCase('TokenFailuresHigh', '5m', {
    timelines: [
      counter('auth_token_failures_total{reason="forged"}', 14.9, 60, 0),
      steady('auth_token_failures_total{reason="expired"}', 'counter', 100),
    ],
    barely: barelyOver('auth_token_failures_total{reason="forged"}', 15.5),
    labels: { reason: 'forged' },
    summary: '120 rejected tokens a minute (limit 30): forged',
    description:
      'Affected users are logged out, or someone forges tokens: the rate is over 5 minutes. First: ' +
      'was a key changed? Otherwise find the addresses.',
  }),
  alertCase('RefreshTokenReused', undefined, {
    timelines: [
      counter('auth_token_failures_total{reason="refresh_reused"}', null, 1, 0),
      steady('auth_token_failures_total{reason="refresh_expired"}', 'counter', 1),
    ],
    overFor: '2m',
    recoveredFor: '20m',
    labels: { reason: 'refresh_reused' },
    summary: '4 refresh tokens used twice',
    description:
      'Their sessions were ended, so these users must log in again: a token was copied, or a client ' +
      'lost a response. First: compare the addresses of both uses.',
  }),
  alertCase('RateLimitHits', '10m', {
    timelines: [counter('rate_limit_hits_total{policy="user"}', 9.9, 40, 0)],
    barely: barelyOver('rate_limit_hits_total{policy="user"}', 10.4),
    labels: { policy: 'user' },
    summary: '80 rejected requests a minute (limit 20): user',
    description:
      'One client is being slowed down, over 5 minutes. First: find it in the log: a faulty client, ' +
      'or an attack?',
  }),
  alertCase('RateLimitAbuse', '5m', {
    timelines: [counter('rate_limit_hits_total{policy="auth"}', 99, 300, 0)],
    barely: barelyOver('rate_limit_hits_total{policy="auth"}', 104),
    labels: { policy: 'auth' },
    summary: '600 rejected requests a minute (limit 200): auth',
    description:
      'A client continues although it is rejected, over 5 minutes. First: find its address, and ' +
      'block it at the proxy.',
  }),
  alertCase('RateLimitConfigChanged', undefined, {
    timelines: [
      gauge('rate_limit_config_info{policy="user",limit="100",window="60s"}', 1, null, null),
      gauge('rate_limit_config_info{policy="user",limit="100000",window="60s"}', null, 1, 1),
      steady('rate_limit_config_info{policy="auth",limit="20",window="60s"}', 'gauge', 1),
    ],
    belowFor: '30m',
    overFor: '10m',
    recoveredFor: '20m',
    labels: { policy: 'user', limit: '100000', window: '60s' },
    summary: 'Rate limit user now 100000 in 60s (in force: 1)',
    description:
      'Users may be rejected earlier, or abuse later. First: ask who changed it, and compare with ' +
      'the last release.',
  }),
  alertCase('UnauthorizedAccess', '5m', {
    timelines: [counter('access_denied_total{kind="unauthenticated"}', 29.9, 100, 1)],
    barely: barelyOver('access_denied_total{kind="unauthenticated"}', 31),
    summary: '200 requests a minute without a valid token (limit 60)',
    description:
      'Users are not affected: someone scans the API, or a client lost its login, over 5 minutes. ' +
      'First: find the addresses.',
  }),
  alertCase('CrossUserAccess', '2m', {
    timelines: [counter('access_denied_total{kind="cross_user"}', 2.4, 30, 0)],
    barely: barelyOver('access_denied_total{kind="cross_user"}', 2.6),
    summary: '60 requests a minute for data of other users (limit 5)',
    description:
      'All were rejected, over 5 minutes: someone tries to read tasks, exports or imports of ' +
      'others. First: find the account, and lock it.',
  }),
  alertCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 499, 3000, 10)],
    barely: barelyOver('bulk_operation_items_sum', 520),
    ...window15,
    summary: '6k tasks a minute changed in bulk',
    description:
      'More than three times as many as the day before, over 15 minutes: a stolen account, or a ' +
      'faulty script. First: find the account.',
  }),
  alertCase('ExportsUnusual', '5m', {
    timelines: [counter('export_total{format="csv",result="success"}', 4.9, 30, 0)],
    barely: barelyOver('export_total{format="csv",result="success"}', 5.2),
    ...window15,
    summary: '60 exports a minute',
    description:
      'More than three times as many as the day before, over 15 minutes: data may be copied. First: ' +
      'find the account.',
  }),

  // After a day of as much: not three times, and more than three times.
  silentCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 10_000, 29_500, 10_000)],
    ...dayBefore,
  }),
  alertCase('BulkUseUnusual', '5m', {
    timelines: [counter('bulk_operation_items_sum', 10_000, 40_000, 10_000)],
    barely: { 'a little over three times': [counter('bulk_operation_items_sum', 10_000, 32_000, 10_000)] },
    ...dayBefore,
    summary: '8k tasks a minute changed in bulk',
    description:
      'More than three times as many as the day before, over 15 minutes: a stolen account, or a ' +
      'faulty script. First: find the account.',
  }),
  silentCase('ExportsUnusual', '5m', {
    timelines: [counter('export_total{format="csv",result="success"}', 100, 295, 100)],
    ...dayBefore,
  }),
  alertCase('ExportsUnusual', '5m', {
    timelines: [counter('export_total{format="csv",result="success"}', 100, 320, 100)],
    ...dayBefore,
    summary: '64 exports a minute',
    description:
      'More than three times as many as the day before, over 15 minutes: data may be copied. First: ' +
      'find the account.',
  }),
]
