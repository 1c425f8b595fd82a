import { join } from 'node:path'
import { alertCases } from './cases/index.ts'
import { ruleFiles, rulesFolder } from './rules.ts'
import { runTool } from './run.ts'
import type { ToolRun } from './run.ts'
import { writeUnitTests } from './unit-tests.ts'

/** What promtool is asked about the configuration; each gives its whole output when it does not like something. */
export const promtoolChecks: Readonly<
  Record<string, (promtool: string, scratch: string) => Promise<ToolRun>>
> = {
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
  'what the rules make of their cases': async (promtool, scratch) =>
    runTool(promtool, ['test', 'rules', ...writeUnitTests(scratch, alertCases)]),
}
