import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { requireTool } from '../../runtime/tools/index.ts'
import { alertCases, runTool, writeUnitTests } from './promtool.ts'
import type { AlertCase } from './timeline.ts'
import { limitsIn, readRules } from './rules.ts'
import type { AlertRule } from './rules.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-limits-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** A tenth: a limit of 5 % that became 5.5 % or 4.5 %. A quarter where the rule rounds to hundredths. */
const changeOf = (expr: string): number => (expr.includes('round(') ? 1.25 : 1.1)

/** A rule with one of its limits changed, and which. */
interface Mutant {
  rule: AlertRule
  change: string
}

function mutantsOf(rule: AlertRule): Mutant[] {
  const factor = changeOf(rule.expr)
  return limitsIn(rule.expr).flatMap(({ from, to, text }, index) =>
    [Number(text) * factor, Number(text) / factor].map((value, side) => ({
      rule: {
        ...rule,
        alert: `${rule.alert}Mutant${index}${side === 0 ? 'Higher' : 'Lower'}`,
        expr: `${rule.expr.slice(0, from)}${value.toPrecision(12)}${rule.expr.slice(to)}`,
      },
      change: `${text} at ${from} as ${value}`,
    })),
  )
}

/** A case of nothing but the states of alerts meets no limit. */
function hasMeasurements({ timelines, quiet = {}, barely = {} }: AlertCase): boolean {
  return [timelines, ...Object.values(quiet), ...Object.values(barely)]
    .flat()
    .some(({ series }) => !series.startsWith('ALERTS{'))
}

const rules = readRules().alerts.filter(({ expr }) => limitsIn(expr).length > 0)

describe.concurrent('each limit is held from both sides, by a case that fails when it is another', () => {
  it('finds the limits', () => {
    expect(rules.flatMap(({ expr }) => limitsIn(expr)).length).toBeGreaterThan(50)
  })

  // All mutants of a rule are loaded with it, because most of the time goes into playing the series.
  it.each(rules)('$alert', { timeout: 300_000 }, async (rule) => {
    const mutants = mutantsOf(rule)
    const cases = alertCases.filter((one) => one.alert === rule.alert && hasMeasurements(one))
    const files = writeUnitTests(join(scratch, rule.alert), cases, () => [
      rule,
      ...mutants.map((mutant) => mutant.rule),
    ])
    const run = await runTool(await requireTool('promtool'), [
      'test',
      'rules',
      ...files.filter((file) => !file.endsWith('absent.test.yml')),
    ])
    const noticed = new Set([...run.output.matchAll(/alertname(?:: |=\\?")(\w+)/g)].map(([, name]) => name))
    expect(noticed.has(rule.alert), run.output).toBe(false)
    expect(mutants.filter((mutant) => !noticed.has(mutant.rule.alert)).map(({ change }) => change)).toEqual(
      [],
    )
  })
})
