import config from '../../vigil.config.ts'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

/**
 * The alert limits: lines and colours of the panels. A test compares each with the rule of that name in
 * `monitoring/prometheus/`, so that no panel is green while its alert fires.
 */
export const alertLimits = {
  /** p95 of latency, seconds. */
  APIHighResponseTime: { severity: 'critical', value: 5 },
  APIVerySlow: { severity: 'high', value: 2 },
  APISlow: { severity: 'medium', value: 1 },
  /** Share of requests with a 5xx response. */
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
  /** Rejected tokens per minute, for one reason. */
  TokenFailuresHigh: { severity: 'medium', value: 30 },
  /** Seconds since the last push of a load run, and since the scheduler looked at its clock. */
  PushStale: { severity: 'medium', value: 93_600 },
  ProbesSilent: { severity: 'high', value: 120 },
  /** Seconds between the clock of a host and Prometheus' clock. */
  ClockSkew: { severity: 'medium', value: 5 },
  /** Seconds until the certificate expires: an alert below it. */
  CertificateExpiring: { severity: 'high', value: 1_209_600 },
} as const satisfies Record<string, AlertLimit>

export type Severity = 'critical' | 'high' | 'medium'
export interface AlertLimit {
  severity: Severity
  value: number
}
export type LimitedAlert = keyof typeof alertLimits

/** The budgets of `vigil.config.ts` in base units. */
export const budgets = {
  p95Seconds: requireBudget('p95Ms') / 1000,
  errorRatio: requireBudget('errorRate'),
  residentBytes: requireBudget('rssBytes'),
} as const

function requireBudget(name: 'p95Ms' | 'errorRate' | 'rssBytes'): number {
  const limit = config.budgets?.[name]
  if (limit === undefined)
    throw new Error(
      `vigil.config.ts: budgets.${name}: expected the budget that the dashboards draw, found none`,
    )
  return limit
}

/** The parts of a rule that dashboards use. */
export interface AlertRule {
  alert: string
  expr: string
  severity: string | undefined
  runbook: string | undefined
}

const rulesFile = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string().optional(),
          expr: z.string(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
})

/** All alerts that Prometheus loads. Throws for an invalid rules file. */
export function alertRules(): AlertRule[] {
  return ['alert_rules.yml', 'meta_rules.yml'].flatMap((name) =>
    rulesIn(new URL(`../prometheus/${name}`, import.meta.url)),
  )
}

function rulesIn(file: URL): AlertRule[] {
  const { groups } = rulesFile.parse(parse(readFileSync(file, 'utf8')))
  return groups.flatMap(({ rules }) =>
    rules.flatMap(({ alert, expr, labels, annotations }) =>
      alert === undefined
        ? []
        : [{ alert, expr, severity: labels?.['severity'], runbook: annotations?.['runbook_url'] }],
    ),
  )
}

/** The URL of an alert's runbook. Throws when there is no such alert. */
export function findRunbook(alert: string): string {
  const rule = alertRules().find((one) => one.alert === alert)
  if (rule?.runbook === undefined)
    throw new Error(
      `${alert}: expected an alert with a runbook_url in monitoring/prometheus/*_rules.yml, found none`,
    )
  return rule.runbook
}
