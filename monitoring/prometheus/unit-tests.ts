import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { AlertCase } from './cases/index.ts'
import { readRules, ruleFiles, rulesFolder } from './rules.ts'
import type { AlertRule, RecordingRule } from './rules.ts'
import { absentStory, quietStories, storyOf } from './story.ts'
import type { Story } from './story.ts'

/**
 * Writes the files that `promtool test rules` is given: one for each case, and one for all alerts without any series.
 * Each loads its alert alone, with the recordings that it reads, because promtool evaluates all it loads at every step.
 *
 * @returns the paths of the files
 */
export function writeUnitTests(folder: string, cases: readonly AlertCase[]): string[] {
  mkdirSync(folder, { recursive: true })
  const { alerts, records } = readRules()
  const rules = new Map(alerts.map((rule) => [rule.alert, rule]))
  const files = cases.map((row, index) => {
    const rule = rules.get(row.alert)
    if (rule === undefined) throw new Error(`${row.alert} is no alert of the rules`)
    const name = `${row.alert}-${index}`
    const rulesFile = write(folder, `${name}.rules.yml`, {
      groups: [{ name: 'under-test', rules: [...readBy(rule, records), rule] }],
    })
    return write(
      folder,
      `${name}.test.yml`,
      testFile([rulesFile], row.evaluation ?? row.step ?? '30s', [storyOf(row, rule), ...quietStories(row)]),
    )
  })
  const all = ruleFiles.map((name) => join(rulesFolder, name))
  return [...files, write(folder, 'absent.test.yml', testFile(all, '5m', [absentStory(cases, rules)]))]
}

function testFile(rulesFiles: readonly string[], evaluation: string, tests: readonly Story[]): unknown {
  return { rule_files: rulesFiles, evaluation_interval: evaluation, tests }
}

/** The recordings that a rule reads, and those that they read, in the order of the file. */
function readBy(rule: AlertRule, records: readonly RecordingRule[]): RecordingRule[] {
  const wanted = new Set<string>()
  const look = (expr: string): void => {
    for (const { record, expr: inner } of records) {
      if (wanted.has(record) || !expr.includes(record)) continue
      wanted.add(record)
      look(inner)
    }
  }
  look(rule.expr)
  return records.filter(({ record }) => wanted.has(record))
}

function write(folder: string, name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, stringify(content, { lineWidth: 0, aliasDuplicateObjects: false }))
  return path
}
