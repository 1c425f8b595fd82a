import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { requireTool } from '../../runtime/tools/index.ts'
import { alertCases, runTool, writeUnitTests } from './promtool.ts'
import { limitsIn, readRules } from './rules.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-limits-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** A tenth: a limit of 5 % that became 5.5 % or 4.5 %. A quarter where the rule rounds to hundredths. */
const changeOf = (expr: string): number => (expr.includes('round(') ? 1.25 : 1.1)

// TrafficUnusual compares with the week before: its cases play two weeks, minutes for each of its limits.
const tooSlow = new Set(['TrafficUnusual'])
const rules = readRules().alerts.filter(({ alert }) => !tooSlow.has(alert))

const limits = rules.flatMap((rule) =>
  limitsIn(rule.expr).map((limit, index) => ({
    alert: rule.alert,
    change: changeOf(rule.expr),
    index,
    ...limit,
  })),
)

describe.concurrent('each limit is held from both sides, by a case that fails when it is another', () => {
  it('finds them', () => {
    expect(limits.length).toBeGreaterThan(45)
  })

  it.each(limits)(
    '$alert: $text at $from',
    { timeout: 120_000 },
    async ({ alert, change, index, from, to, text }) => {
      const cases = alertCases.filter((row) => row.alert === alert)
      const promtool = await requireTool('promtool')
      const passing: string[] = []
      for (const [name, value] of [
        ['higher', Number(text) * change],
        ['lower', Number(text) / change],
      ] as const) {
        const files = writeUnitTests(join(scratch, `${alert}-${index}-${name}`), cases, (rule) => ({
          ...rule,
          expr: `${rule.expr.slice(0, from)}${value.toPrecision(12)}${rule.expr.slice(to)}`,
        }))
        const run = await runTool(promtool, [
          'test',
          'rules',
          ...files.filter((file) => !file.endsWith('absent.test.yml')),
        ])
        if (run.code === 0) passing.push(`${name}: ${value}`)
      }
      expect(passing).toEqual([])
    },
  )
})
