import type { AlertRule } from '../prometheus/rules.ts'

export type Receiver =
  | 'critical'
  | 'high'
  | 'secondary'
  | 'management'
  | 'slack'
  | 'slack-security'
  | 'email'
  | 'reports'
  | 'maintenance'
  | 'watchdog'
  | 'none'

/** Whom each alert reaches: written out, so that a change of a route that was not meant shows. */
export const receiverOf: Readonly<Record<string, Receiver>> = {
  APIHighErrorRate: 'critical',
  APIHighResponseTime: 'critical',
  APIUnavailable: 'critical',
  APIUnreachable: 'critical',
  AuthenticationServiceDown: 'critical',
  DatabaseConnectionFailures: 'critical',
  DatabaseUnreachable: 'critical',
  RateLimitBypassed: 'critical',

  APIErrorRateElevated: 'high',
  APIVerySlow: 'high',
  AlertmanagerUnreachable: 'high',
  CertificateExpiring: 'high',
  ConfigurationRejected: 'high',
  CrossUserAccess: 'high',
  DatabaseQueriesSlow: 'high',
  DiskSpaceLow: 'high',
  MemoryNearlyExhausted: 'high',
  MetricsMissing: 'high',
  NotificationsFailing: 'high',
  ProbeDown: 'high',
  ProbesSilent: 'high',
  RateLimitNearlyReached: 'high',
  RefreshTokenReused: 'high',
  RuleEvaluationFailing: 'high',
  TargetDown: 'high',
  TargetMissing: 'high',

  APIErrorBudgetBurning: 'slack',
  APISlow: 'slack',
  ClockSkew: 'slack',
  DatabaseConnectionsHigh: 'slack',
  DrillOverdue: 'slack',
  MemoryHigh: 'slack',
  ProbeOverdue: 'slack',
  PushFailed: 'slack',
  PushStale: 'slack',
  TrafficUnusual: 'slack',

  AccountLockouts: 'slack-security',
  AuthenticationFailuresHigh: 'slack-security',
  BulkUseUnusual: 'slack-security',
  ExportsUnusual: 'slack-security',
  RateLimitAbuse: 'slack-security',
  RateLimitConfigChanged: 'slack-security',
  SuspiciousAddresses: 'slack-security',
  TokenFailuresHigh: 'slack-security',
  UnauthorizedAccess: 'slack-security',

  FailedLoginsUnusual: 'email',
  RateLimitHits: 'email',

  FeatureAdoption: 'reports',
  NewRegistrations: 'reports',
  UsageTrend: 'reports',
  MaintenanceWindow: 'maintenance',
  MaintenanceWindowAnnounced: 'maintenance',

  CriticalAlertPersists: 'secondary',
  CriticalAlertUnresolved: 'management',
  Watchdog: 'watchdog',

  CausePending: 'none',
}

/** The channels that notify each receiver. */
export const waysOf: Readonly<Record<Receiver, readonly ('pagerduty' | 'slack' | 'email' | 'sns')[]>> = {
  critical: ['pagerduty', 'sns'],
  high: ['pagerduty'],
  secondary: ['pagerduty'],
  management: ['email', 'pagerduty', 'sns'],
  slack: ['slack'],
  'slack-security': ['slack'],
  email: ['email'],
  reports: ['email'],
  maintenance: ['email', 'slack'],
  watchdog: ['email'],
  none: [],
}

/** What amtool is asked about an alert: its labels as a rule gives them. */
export function routeArguments(rule: AlertRule, receiver: string, configFile: string): string[] {
  return [
    'config',
    'routes',
    'test',
    `--config.file=${configFile}`,
    `--verify.receivers=${receiver}`,
    `alertname=${rule.alert}`,
    ...Object.entries(rule.labels).map(([name, value]) => `${name}=${value}`),
  ]
}
