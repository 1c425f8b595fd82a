import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

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
export function runbookOf(alert: string): string {
  const rule = alertRules().find((one) => one.alert === alert)
  if (rule?.runbook === undefined)
    throw new Error(
      `${alert}: found no alert of that name with a runbook_url, expected one of monitoring/prometheus/*_rules.yml`,
    )
  return rule.runbook
}
