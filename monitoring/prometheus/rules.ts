import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'

const texts = z.record(z.string(), z.string())

const alertRule = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: texts,
  annotations: texts,
})

const recordingRule = z.strictObject({ record: z.string(), expr: z.string() })

const file = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: z.string().optional(),
      rules: z.array(z.union([alertRule, recordingRule])),
    }),
  ),
})

export type AlertRule = z.infer<typeof alertRule>
export type RecordingRule = z.infer<typeof recordingRule>

export const rulesFolder = fileURLToPath(new URL('.', import.meta.url))

/** The files of rules that `prometheus.yml` names, here. */
export const ruleFiles = ['alert_rules.yml', 'recording_rules.yml', 'meta_rules.yml'] as const

/** The rules of every file, in their order. Throws what does not fit a rules file as this project writes them. */
export function readRules(): { alerts: AlertRule[]; records: RecordingRule[] } {
  const rules = ruleFiles.flatMap((name) =>
    file.parse(parse(readFileSync(join(rulesFolder, name), 'utf8'))).groups.flatMap((group) => group.rules),
  )
  return {
    alerts: rules.filter((rule) => 'alert' in rule),
    records: rules.filter((rule) => 'record' in rule),
  }
}
