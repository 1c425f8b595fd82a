import config from '../../vigil.config.ts'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

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
export type LimitedAlert = keyof typeof alertLimits

/** What a gate holds a release to, from `vigil.config.ts`, in base units. */
export const budgets = {
  p95Seconds: requireBudget('p95Ms') / 1000,
  errorRatio: requireBudget('errorRate'),
  residentBytes: requireBudget('rssBytes'),
} as const

function requireBudget(name: 'p95Ms' | 'errorRate' | 'rssBytes'): number {
  const limit = config.budgets?.[name]
  if (limit === undefined)
    throw new Error(
      `vigil.config.ts: budgets.${name}: found none, expected the budget that the dashboards draw`,
    )
  return limit
}

/** A rule as far as a dashboard is concerned with it. */
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

/** Every alert that Prometheus loads. Throws what does not fit a rules file. */
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

/** Where the runbook of an alert is: what a panel that shows the same links to. Throws when there is no such alert. */
export function findRunbook(alert: string): string {
  const rule = alertRules().find((one) => one.alert === alert)
  if (rule?.runbook === undefined)
    throw new Error(
      `${alert}: found no alert of that name with a runbook_url, expected one of monitoring/prometheus/*_rules.yml`,
    )
  return rule.runbook
}
