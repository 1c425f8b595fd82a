import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { requireTool } from '../../runtime/tools/index.ts'
import { alertCases, playCases, writeAbsentTest, writeUnitTests } from './promtool.ts'
import type { AlertCase } from './timeline.ts'
import { limitsIn, metricsIn, readRules } from './rules.ts'
import type { AlertRule } from './rules.ts'

const scratch = mkdtempSync(join(tmpdir(), 'vigil-limits-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** A tenth: a limit of 5 % that became 5.5 % or 4.5 %. A quarter where the rule rounds to hundredths. */
const changeOf = (expr: string): number => (expr.includes('round(') ? 1.25 : 1.1)

/** A rule with one of its limits changed, which, and the metrics that are compared with it. */
interface Mutant {
  rule: AlertRule
  change: string
  metrics: ReadonlySet<string>
}

const { alerts, records } = readRules()

function mutantsOf(rule: AlertRule): Mutant[] {
  const factor = changeOf(rule.expr)
  return limitsIn(rule.expr).flatMap(({ from, to, text, comparison }, index) =>
    [Number(text) * factor, Number(text) / factor].map((value, side) => ({
      rule: {
        ...rule,
        alert: `${rule.alert}Mutant${index}${side === 0 ? 'Higher' : 'Lower'}`,
        expr: `${rule.expr.slice(0, from)}${value.toPrecision(12)}${rule.expr.slice(to)}`,
      },
      change: `${text} at ${from} as ${value}`,
      metrics: new Set(scrapedMetricsIn(comparison)),
    })),
  )
}

/** The metrics in an expression, and in the recordings that it reads instead of those. */
function scrapedMetricsIn(expression: string): string[] {
  return metricsIn(expression).flatMap((name) => {
    const recording = records.find(({ record }) => record === name)
    return recording === undefined ? [name] : scrapedMetricsIn(recording.expr)
  })
}

function seriesOf({ timelines, quiet = {}, barely = {} }: AlertCase): string[] {
  return [timelines, ...Object.values(quiet), ...Object.values(barely)].flat().map(({ series }) => series)
}

/** A case of nothing but the states of alerts meets no limit. */
const hasMeasurements = (row: AlertCase): boolean =>
  seriesOf(row).some((series) => !series.startsWith('ALERTS{'))

const rules = alerts.filter(({ expr }) => limitsIn(expr).length > 0)
const casesOf = ({ alert }: AlertRule): AlertCase[] =>
  alertCases.filter((row) => row.alert === alert && hasMeasurements(row))

describe.concurrent('each limit is held from both sides, by a case that fails when it is another', () => {
  it('finds the limits', () => {
    expect(rules.flatMap(({ expr }) => limitsIn(expr)).length).toBeGreaterThan(50)
  })

  it.each(rules)('$alert', { timeout: 300_000 }, async (rule) => {
    const promtool = await requireTool('promtool')
    let unnoticed = mutantsOf(rule)
    // Most of the time goes into evaluating mutants: each is loaded until a case has noticed it, and only
    // with series that it compares.
    for (const [index, row] of casesOf(rule).entries()) {
      const names = seriesOf(row).map((series) => series.replace(/\{.*/, ''))
      const tested = unnoticed.filter(({ metrics }) => names.some((name) => metrics.has(name)))
      const files = writeUnitTests(join(scratch, `${rule.alert}-${index}`), [row], () => [
        rule,
        ...tested.map((mutant) => mutant.rule),
      ])
      const { output } = await playCases(promtool, files)
      const noticed = new Set([...output.matchAll(/alertname(?:: |=\\?")(\w+)/g)].map(([, name]) => name))
      expect(noticed.has(rule.alert), output).toBe(false)
      unnoticed = unnoticed.filter((mutant) => !noticed.has(mutant.rule.alert))
    }
    expect(unnoticed.map(({ change }) => change)).toEqual([])
  })
})

it('other cases, and no series at all, are as expected', { timeout: 120_000 }, async () => {
  const played = new Set(rules.flatMap(casesOf))
  const others = alertCases.filter((row) => !played.has(row))
  const files = [...writeUnitTests(join(scratch, 'others'), others), writeAbsentTest(scratch)]
  const run = await playCases(await requireTool('promtool'), files)
  expect(run.code, run.output).toBe(0)
})
