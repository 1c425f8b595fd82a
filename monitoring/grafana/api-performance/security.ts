import type { Row } from '../dashboard.ts'
import { above, aboveZero, table, timeSeries } from '../panels/index.ts'
import { instanceLabels } from './now.ts'

const limits: Row['panels'] = [
  timeSeries({
    title: 'Rate limits: use by the busiest caller',
    description:
      'Share of its limit that the busiest caller has used in its window. Above 80 %: soon somebody is refused; who it is stands in the security log.',
    queries: [
      { expr: `max by (policy) (rate_limit_utilization_ratio{${instanceLabels}})`, legend: '{{policy}}' },
    ],
    unit: 'ratio',
    width: 8,
    upTo: 1,
    limits: above(['RateLimitNearlyReached']),
    alerts: ['RateLimitNearlyReached'],
  }),
  timeSeries({
    title: 'Rate limits: refusals',
    description:
      'Requests refused by a limit per minute. Thousands from few callers are abuse. None at all under an attack: are the limits on? The probe rate-limit tells.',
    queries: [
      {
        expr: `60 * sum by (policy) (rate(rate_limit_hits_total{${instanceLabels}}[$interval]))`,
        legend: '{{policy}}',
      },
    ],
    unit: 'perMinute',
    width: 8,
    none: 'Nobody was refused',
    alerts: ['RateLimitHits', 'RateLimitAbuse', 'RateLimitBypassed'],
  }),
  table({
    title: 'Rate limits in force',
    description:
      'Every limit (requests in a window) that was in force in the chosen time, and when it was last seen. Two rows of one policy: it was changed. Nobody knows why? Then somebody weakened it.',
    queries: [
      {
        expr: `1000 * max by (policy, limit, window) (max_over_time(timestamp(rate_limit_config_info{${instanceLabels}})[$__range:]))`,
      },
    ],
    unit: 'ago',
    width: 8,
    columns: { policy: 'Policy', limit: 'Requests', window: 'Window' },
    value: 'Last seen',
    alerts: ['RateLimitConfigChanged'],
  }),
]

const intruders: Row['panels'] = [
  timeSeries({
    title: 'Failed authentications',
    description:
      'Failed logins, registrations and refreshes per minute by reason. The line is the alert at 100: somebody tries passwords. Wrong passwords spread over many accounts are a list that leaked elsewhere.',
    queries: [
      {
        expr: `60 * sum by (action, reason) (rate(auth_attempts_total{${instanceLabels}, result!="success"}[$interval]))`,
        legend: '{{action}}: {{reason}}',
      },
    ],
    unit: 'perMinute',
    width: 12,
    limits: above(['AuthenticationFailuresHigh']),
    none: 'No failure',
    alerts: ['AuthenticationFailuresHigh', 'FailedLoginsUnusual'],
  }),
  timeSeries({
    title: 'Lockouts and suspicious addresses',
    description:
      'Accounts locked after failed logins, per minute, and addresses with ten or more failures in 15 minutes. Both at once: an attack on known accounts.',
    queries: [
      {
        expr: `60 * sum(rate(auth_lockouts_total{${instanceLabels}}[$interval]))`,
        legend: 'lockouts a minute',
      },
      { expr: `sum(auth_suspicious_addresses{${instanceLabels}})`, legend: 'suspicious addresses' },
    ],
    unit: 'count',
    width: 12,
    limits: aboveZero('medium'),
    alerts: ['AccountLockouts', 'SuspiciousAddresses'],
  }),
  timeSeries({
    title: 'Refused tokens',
    description:
      'Access and refresh tokens refused per minute, by reason. Expired ones are daily life; bad signatures are forged; reused refresh tokens are stolen ones.',
    queries: [
      {
        expr: `60 * sum by (reason) (rate(auth_token_failures_total{${instanceLabels}}[$interval]))`,
        legend: '{{reason}}',
      },
    ],
    unit: 'perMinute',
    width: 8,
    limits: above(['TokenFailuresHigh']),
    none: 'None was refused',
    alerts: ['TokenFailuresHigh', 'RefreshTokenReused'],
  }),
  timeSeries({
    title: 'Access denied',
    description:
      'Requests without a valid token, and for what belongs to somebody else (cross_user), per minute. Cross-user at more than a trickle: somebody goes through identifiers.',
    queries: [
      {
        expr: `60 * sum by (kind) (rate(access_denied_total{${instanceLabels}}[$interval]))`,
        legend: '{{kind}}',
      },
    ],
    unit: 'perMinute',
    width: 8,
    none: 'Nothing was denied',
    alerts: ['UnauthorizedAccess', 'CrossUserAccess'],
  }),
  timeSeries({
    title: 'Users of export, import and bulk',
    description:
      'Users of each feature in the last 24 hours. Adoption, and for security: one user with all of the bulk operations (see the rate above) copies or wipes data.',
    queries: [{ expr: `sum by (feature) (feature_users{${instanceLabels}})`, legend: '{{feature}}' }],
    unit: 'count',
    width: 8,
    alerts: ['FeatureAdoption', 'BulkUseUnusual', 'ExportsUnusual'],
  }),
]

/** Who tries to get in, who asks for too much, and who asks for what is not theirs. */
export const security: Row = { title: 'Rate limits and security', panels: [...limits, ...intruders] }
