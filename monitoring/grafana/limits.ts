import config from '../../vigil.config.ts'

/**
 * Where alerts begin: the lines and colours of the panels. A test holds each equal to the rule of that name in
 * `monitoring/prometheus/`, so that no panel is green while its alert fires.
 */
export const alertLimits = {
  /** p95 of latency, seconds. */
  APIHighResponseTime: { severity: 'critical', value: 5 },
  APIVerySlow: { severity: 'high', value: 2 },
  APISlow: { severity: 'medium', value: 1 },
  /** Share of requests answered by a 5xx. */
  APIHighErrorRate: { severity: 'critical', value: 0.05 },
  APIErrorRateElevated: { severity: 'high', value: 0.02 },
  APIErrorBudgetBurning: { severity: 'medium', value: 0.005 },
  /** Mean time of a query, seconds. */
  DatabaseQueriesSlow: { severity: 'high', value: 1 },
  /** Share of the memory in use: of a machine, and of what the API may have. */
  MemoryNearlyExhausted: { severity: 'high', value: 0.9 },
  MemoryHigh: { severity: 'medium', value: 0.75 },
  /** Share of the disk that is free: an alert below it. */
  DiskSpaceLow: { severity: 'high', value: 0.1 },
  /** Share of a rate limit that its busiest caller has used. */
  RateLimitNearlyReached: { severity: 'high', value: 0.8 },
  /** Share of the database connections in use. */
  DatabaseConnectionsHigh: { severity: 'medium', value: 0.8 },
  /** Failed authentications a minute. */
  AuthenticationFailuresHigh: { severity: 'medium', value: 100 },
  /** Refused tokens a minute, of one reason. */
  TokenFailuresHigh: { severity: 'medium', value: 30 },
  /** Seconds since the last push of a load run, and since the scheduler looked at its clock. */
  PushStale: { severity: 'medium', value: 93_600 },
  ProbesSilent: { severity: 'high', value: 120 },
  /** Seconds until the certificate expires: an alert below it. */
  CertificateExpiring: { severity: 'high', value: 1_209_600 },
} as const satisfies Record<string, AlertLimit>

export type Severity = 'critical' | 'high' | 'medium'
export interface AlertLimit {
  severity: Severity
  value: number
}
export type Limited = keyof typeof alertLimits

/** What a gate holds a release to, from `vigil.config.ts`, in base units. */
export const budgets = {
  p95Seconds: promised('p95Ms') / 1000,
  errorRatio: promised('errorRate'),
  residentBytes: promised('rssBytes'),
} as const

function promised(name: 'p95Ms' | 'errorRate' | 'rssBytes'): number {
  const limit = config.budgets?.[name]
  if (limit === undefined)
    throw new Error(
      `vigil.config.ts: budgets.${name}: found none, expected the budget that the dashboards draw`,
    )
  return limit
}
