import type { Row } from '../dashboard.ts'
import { above, aboveZero, alertedBy, line, table, timeSeries } from '../panels/index.ts'
import type { Query } from '../panels/index.ts'
import { instanceLabels } from './now.ts'

/** The events of a counter per minute, by one of its labels. */
function perMinute(label: string, counter: string): Query {
  return line(
    `{{${label}}}`,
    `60 * sum by (${label}) (rate(${counter}{${instanceLabels}}[$__rate_interval]))`,
  )
}

const limits: Row['panels'] = [
  timeSeries({
    title: 'Rate limits: use by the busiest caller',
    description:
      'Share of its limit that the busiest caller has used in its window. Above 80 %: the ' +
      'caller will soon be rejected. The security log names it.',
    queries: [line('{{policy}}', `max by (policy) (rate_limit_utilization_ratio{${instanceLabels}})`)],
    unit: 'ratio',
    width: 8,
    upTo: 1,
    ...alertedBy(['RateLimitNearlyReached']),
  }),
  timeSeries({
    title: 'Rate limits: rejections',
    description:
      'Requests rejected by a limit per minute. Thousands from few callers: abuse. None ' +
      'during an attack: check with the probe rate-limit that the limits are on.',
    queries: [perMinute('policy', 'rate_limit_hits_total')],
    unit: 'perMinute',
    width: 8,
    none: 'No request was rejected',
    alerts: ['RateLimitHits', 'RateLimitAbuse', 'RateLimitBypassed'],
  }),
  table({
    title: 'Rate limits in force',
    description:
      'Every limit (requests in a window) that was in force in the chosen time, and when ' +
      'it was last seen. Two rows of one policy: it was changed. If no one knows why, ' +
      'suspect an attack.',
    queries: [
      {
        expr:
          '1000 * max by (policy, limit, window) ' +
          `(max_over_time(timestamp(rate_limit_config_info{${instanceLabels}})[$__range:]))`,
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
      'Failed logins, registrations and refreshes per minute by reason. The line is the ' +
      'alert at 100: someone guesses passwords. Wrong passwords for many accounts: a ' +
      'leaked password list.',
    queries: [
      line(
        '{{action}}: {{reason}}',
        `60 * sum by (action, reason) (rate(auth_attempts_total{${instanceLabels}, ` +
          'result!="success"}[$__rate_interval]))',
      ),
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
      'Accounts locked after failed logins, per minute, and addresses with ten or more ' +
      'failures in 15 minutes. Both at the same time: an attack on known accounts.',
    queries: [
      line('lockouts a minute', `60 * sum(rate(auth_lockouts_total{${instanceLabels}}[$__rate_interval]))`),
      line('suspicious addresses', `sum(auth_suspicious_addresses{${instanceLabels}})`),
    ],
    unit: 'count',
    width: 12,
    limits: aboveZero('medium'),
    alerts: ['AccountLockouts', 'SuspiciousAddresses'],
  }),
  timeSeries({
    title: 'Rejected tokens',
    description:
      'Access and refresh tokens rejected per minute, by reason. Expired tokens are ' +
      'normal. Bad signatures are forged tokens, reused refresh tokens are stolen ones.',
    queries: [perMinute('reason', 'auth_token_failures_total')],
    unit: 'perMinute',
    width: 8,
    limits: above(['TokenFailuresHigh']),
    none: 'No token was rejected',
    alerts: ['TokenFailuresHigh', 'RefreshTokenReused'],
  }),
  timeSeries({
    title: 'Access denied',
    description:
      'Requests without a valid token, and for data of other users (cross_user), per ' +
      'minute. Many cross_user requests: someone enumerates identifiers.',
    queries: [perMinute('kind', 'access_denied_total')],
    unit: 'perMinute',
    width: 8,
    none: 'No request was denied',
    alerts: ['UnauthorizedAccess', 'CrossUserAccess'],
  }),
  timeSeries({
    title: 'Users of export, import and bulk',
    description:
      'Users of each feature in the last 24 hours. Shows adoption. For security: one user ' +
      'with most of the bulk operations copies or deletes data.',
    queries: [line('{{feature}}', `sum by (feature) (feature_users{${instanceLabels}})`)],
    unit: 'count',
    width: 8,
    alerts: ['FeatureAdoption', 'BulkUseUnusual', 'ExportsUnusual'],
  }),
]

/** Rate limits, authentication failures, and access to data of other users. */
export const security: Row = { title: 'Rate limits and security', panels: [...limits, ...intruders] }
