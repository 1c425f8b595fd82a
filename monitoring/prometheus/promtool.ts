import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild, toToolEnvironment } from '../../runtime/processes/index.ts'
import type { AlertCase, PromtoolTest } from './timeline.ts'
import { requestCases } from './cases/api.ts'
import { componentCases } from './cases/components.ts'
import { monitoringCases } from './cases/monitoring.ts'
import { noticeCases, causeCases } from './cases/notices.ts'
import { securityCases } from './cases/security.ts'
import { readRules, ruleFiles, rulesFolder } from './rules.ts'
import type { AlertRule, RecordingRule } from './rules.ts'
import { toAbsentTest, toBarelyTests, toQuietTests, toTimelineTest } from './timeline.ts'

export interface ToolRun {
  code: number
  output: string
}

const maxLines = 20_000
const { alerts, records } = readRules()
const rules = new Map(alerts.map((rule) => [rule.alert, rule]))

/** Runs promtool or amtool and returns its output. Throws when it could not start or was stopped. */
export async function runTool(
  program: string,
  args: readonly string[],
  { timeoutMs = 120_000, env = {} }: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<ToolRun> {
  const lines: string[] = []
  const child = startChild(program, args, {
    env: { ...toToolEnvironment(process.env), ...env },
    onLine: (line) => {
      if (lines.length < maxLines) lines.push(line)
    },
  })
  const timer = setTimeout(() => void child.stop(1000), timeoutMs)
  const end = await child.ended
  clearTimeout(timer)
  if (end.state === 'exited') return { code: end.code, output: lines.join('\n') }
  throw new Error(`${program}: ${end.state === 'failed' ? end.reason : `ended by ${end.signal}`}`)
}

/** Runs promtool on test files. A quarter of its CPU time would go into collecting garbage of megabytes. */
export async function playCases(promtool: string, files: readonly string[]): Promise<ToolRun> {
  return runTool(promtool, ['test', 'rules', ...files], { env: { GOGC: '400' } })
}

/**
 * Writes the files for `promtool test rules`, one for each case. Each loads only its alert and the recordings
 * that it uses, because promtool evaluates everything that it loads at every step.
 *
 * @param variants of an alert, each with a name of its own: all must do what the case expects of the alert
 * @returns the paths of the files
 */
export function writeUnitTests(
  folder: string,
  cases: readonly AlertCase[],
  variants: (rule: AlertRule) => readonly AlertRule[] = (rule) => [rule],
): string[] {
  mkdirSync(folder, { recursive: true })
  return cases.map((row, index) => {
    const rule = rules.get(row.alert)
    if (rule === undefined) throw new Error(`${row.alert} is not an alert in the rule files`)
    const name = `${row.alert}-${index}`
    const tested = variants(rule)
    const rulesFile = write(folder, `${name}.rules.yml`, {
      groups: [{ name: 'under-test', rules: [...recordingsFor(rule), ...tested] }],
    })
    const expectOfEach = (test: PromtoolTest): PromtoolTest => ({
      ...test,
      alert_rule_test: tested.flatMap(({ alert }) =>
        test.alert_rule_test.map((check) => ({ ...check, alertname: alert })),
      ),
      promql_expr_test: tested.flatMap(({ alert }) =>
        (test.promql_expr_test ?? []).map((check) => ({
          ...check,
          expr: check.expr.replaceAll(`alertname="${row.alert}"`, `alertname="${alert}"`),
        })),
      ),
    })
    return write(
      folder,
      `${name}.test.yml`,
      testFile(
        [rulesFile],
        row.evaluation ?? row.step ?? '30s',
        [toTimelineTest(row, rule), ...toQuietTests(row), ...toBarelyTests(row)].map(expectOfEach),
      ),
    )
  })
}

/** Writes the file of all alerts without any series. */
export function writeAbsentTest(folder: string): string {
  const all = ruleFiles.map((name) => join(rulesFolder, name))
  return write(folder, 'absent.test.yml', testFile(all, '5m', [toAbsentTest(alertCases, rules)]))
}

function testFile(
  rulesFiles: readonly string[],
  evaluation: string,
  tests: readonly PromtoolTest[],
): unknown {
  return { rule_files: rulesFiles, evaluation_interval: evaluation, tests }
}

/** The recordings that a rule uses, directly or not, in the order of the file. */
function recordingsFor(rule: AlertRule): RecordingRule[] {
  const wanted = new Set<string>()
  const addRecordings = (expr: string): void => {
    for (const { record, expr: inner } of records) {
      if (wanted.has(record) || !expr.includes(record)) continue
      wanted.add(record)
      addRecordings(inner)
    }
  }
  addRecordings(rule.expr)
  return records.filter(({ record }) => wanted.has(record))
}

function write(folder: string, name: string, content: unknown): string {
  const path = join(folder, name)
  // JSON is YAML, and written in a hundredth of the time.
  writeFileSync(path, JSON.stringify(content, undefined, 1))
  return path
}

/** What Prometheus must report for every alert. An alert with several causes has several cases. */
export const alertCases: readonly AlertCase[] = [
  ...causeCases,
  ...requestCases,
  ...componentCases,
  ...noticeCases,
  ...securityCases,
  ...monitoringCases,
]

type Check = (promtool: string, scratch: string) => Promise<ToolRun>

/** The checks of the files by promtool. A failed check returns promtool's output. */
export const configurationChecks: Readonly<Record<string, (promtool: string) => Promise<ToolRun>>> = {
  'the configuration with its rule files': async (promtool) =>
    runTool(promtool, ['check', 'config', '--lint=all', '--lint-fatal', join(rulesFolder, 'prometheus.yml')]),
  'the rules, without lint findings': async (promtool) =>
    runTool(promtool, [
      'check',
      'rules',
      '--lint=all',
      '--lint-fatal',
      ...ruleFiles.map((name) => join(rulesFolder, name)),
    ]),
}

/** The checks of another version of promtool: its tests need no changed rules. */
export const promtoolChecks: Readonly<Record<string, Check>> = {
  ...configurationChecks,
  'the unit tests of the rules': async (promtool, scratch) =>
    playCases(promtool, [...writeUnitTests(scratch, alertCases), writeAbsentTest(scratch)]),
}
