import { counter, gauge, steady } from './case.ts'
import type { AlertCase } from './case.ts'

const window15 = { belowFor: '20m', overFor: '20m', recoveredFor: '20m' }

const dayBefore = { step: '5m', belowFor: '26h', overFor: '40m', recoveredFor: '1h' } as const

export const securityCases: readonly AlertCase[] = [
  {
    alert: 'FailedLoginsUnusual',
    for: '5m',
    timelines: [
      counter('auth_attempts_total{action="login",result="failure",reason="wrong_password"}', 4.9, 30, 1),
      counter('auth_attempts_total{action="login",result="success",reason="none"}', 5, 5, 5),
    ],
    quiet: {
      'failures, but hardly any': [
        steady(
          'auth_attempts_total{action="login",result="failure",reason="wrong_password"}',
          'counter',
          2.7,
        ),
        steady('auth_attempts_total{action="login",result="success",reason="none"}', 'counter', 1),
      ],
    },
    summary: '85.71% of logins fail',
    description: '85.71% of the logins within 10 minutes had a wrong password or no account.',
  },
  {
    alert: 'AccountLockouts',
    for: '1m',
    ...window15,
    timelines: [counter('auth_lockouts_total', 0.099, 1, 0)],
    summary: '2 accounts are locked per minute',
    description: '2 accounts per minute were locked after failed logins, over 15 minutes.',
  },
  {
    alert: 'SuspiciousAddresses',
    for: '2m',
    timelines: [
      gauge('auth_suspicious_addresses{instance="a"}', 0, 2, 0),
      steady('auth_suspicious_addresses{instance="b"}', 'gauge', 0),
    ],
    summary: '2 suspicious addresses',
    description: '2 addresses failed to authenticate ten times or more within 15 minutes.',
  },
  {
    alert: 'TokenFailuresHigh',
    for: '5m',
    timelines: [
      counter('auth_token_failures_total{reason="forged"}', 14.9, 60, 0),
      steady('auth_token_failures_total{reason="expired"}', 'counter', 100),
    ],
    labels: { reason: 'forged' },
    summary: '120 tokens per minute are rejected: forged',
    description: '120 access or refresh tokens per minute were rejected over 5 minutes. Reason: forged.',
  },
  {
    alert: 'RefreshTokenReused',
    overFor: '2m',
    recoveredFor: '20m',
    timelines: [
      counter('auth_token_failures_total{reason="refresh_reused"}', null, 1, 0),
      steady('auth_token_failures_total{reason="refresh_expired"}', 'counter', 1),
    ],
    labels: { reason: 'refresh_reused' },
    summary: '4 refresh tokens were used twice',
    description: '4 refresh tokens were used a second time within 15 minutes. Their sessions were ended.',
  },
  {
    alert: 'RateLimitHits',
    for: '10m',
    timelines: [counter('rate_limit_hits_total{policy="user"}', 9.9, 40, 0)],
    labels: { policy: 'user' },
    summary: '80 requests per minute are rejected by the rate limit user',
    description: 'The limit user rejects 80 requests per minute over 5 minutes.',
  },
  {
    alert: 'RateLimitAbuse',
    for: '5m',
    timelines: [counter('rate_limit_hits_total{policy="auth"}', 99, 300, 0)],
    labels: { policy: 'auth' },
    summary: '600 requests per minute continue despite the rate limit auth',
    description: 'The limit auth rejects 600 requests per minute over 5 minutes. A client does not stop.',
  },
  {
    alert: 'RateLimitConfigChanged',
    belowFor: '30m',
    overFor: '10m',
    recoveredFor: '20m',
    timelines: [
      gauge('rate_limit_config_info{policy="user",limit="100",window="60s"}', 1, null, null),
      gauge('rate_limit_config_info{policy="user",limit="100000",window="60s"}', null, 1, 1),
      steady('rate_limit_config_info{policy="auth",limit="20",window="60s"}', 'gauge', 1),
    ],
    labels: { policy: 'user', limit: '100000', window: '60s' },
    summary: 'The rate limit user is now 100000 in 60s (in force: 1)',
    description: 'The configuration of the rate limit user changed to 100000 requests in 60s.',
  },
  {
    alert: 'UnauthorizedAccess',
    for: '5m',
    timelines: [counter('access_denied_total{kind="unauthenticated"}', 29.9, 100, 1)],
    summary: '200 requests per minute have no valid token',
    description: '200 requests per minute without a valid access token over 5 minutes.',
  },
  {
    alert: 'CrossUserAccess',
    for: '2m',
    timelines: [counter('access_denied_total{kind="cross_user"}', 2.4, 30, 0)],
    summary: '60 requests per minute try to read data of other users',
    description:
      '60 requests per minute over 5 minutes tried to read tasks, exports or imports of ' +
      'other users. They were rejected.',
  },
  {
    alert: 'BulkUseUnusual',
    for: '5m',
    ...window15,
    timelines: [counter('bulk_operation_items_sum', 499, 3000, 10)],
    summary: '6k tasks per minute are changed in bulk',
    description:
      'Bulk operations change 6k tasks per minute over 15 minutes, more than three times ' +
      'as many as the day before.',
  },
  {
    alert: 'ExportsUnusual',
    for: '5m',
    ...window15,
    timelines: [counter('export_total{format="csv",result="success"}', 4.9, 30, 0)],
    summary: '60 exports per minute',
    description:
      'Users export their data 60 times per minute over 15 minutes, more than three times ' +
      'as often as the day before.',
  },

  // After a day of as much: not three times, and more than three times.
  {
    alert: 'BulkUseUnusual',
    for: '5m',
    ...dayBefore,
    timelines: [counter('bulk_operation_items_sum', 10_000, 28_000, 10_000)],
    never: true,
    summary: '',
    description: '',
  },
  {
    alert: 'BulkUseUnusual',
    for: '5m',
    ...dayBefore,
    timelines: [counter('bulk_operation_items_sum', 10_000, 40_000, 10_000)],
    summary: '8k tasks per minute are changed in bulk',
    description:
      'Bulk operations change 8k tasks per minute over 15 minutes, more than three times ' +
      'as many as the day before.',
  },
  {
    alert: 'ExportsUnusual',
    for: '5m',
    ...dayBefore,
    timelines: [counter('export_total{format="csv",result="success"}', 100, 280, 100)],
    never: true,
    summary: '',
    description: '',
  },
]
