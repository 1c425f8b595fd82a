import { parser } from '@prometheus-io/lezer-promql'
import { describe, expect, it } from 'vitest'
import { alertRules } from './limits.ts'
import { alertLimits, budgets } from './limits.ts'

const rules = alertRules()
const limits = Object.entries(alertLimits).map(([alert, limit]) => ({ alert, ...limit }))

describe('a limit that a panel draws', () => {
  it.each(limits)('is that of its alert, with its severity: $alert', ({ alert, value, severity }) => {
    const rule = rules.find((one) => one.alert === alert)
    expect(rule?.severity).toBe(severity)
    expect(comparedWith(rule?.expr ?? '')).toContain(value)
  })

  it('ascends as the severities do, and begins with the budget', () => {
    const value = (name: keyof typeof alertLimits): number => alertLimits[name].value
    expect([
      budgets.p95Seconds,
      value('APISlow'),
      value('APIVerySlow'),
      value('APIHighResponseTime'),
    ]).toEqual([0.5, 1, 2, 5])
    expect([
      budgets.errorRatio,
      value('APIErrorBudgetBurning'),
      value('APIErrorRateElevated'),
      value('APIHighErrorRate'),
    ]).toEqual([0.001, 0.005, 0.02, 0.05])
  })
})

/**
 * Every number that an expression compares something with, by its grammar: a number in a selector or a window
 * is none.
 */
function comparedWith(expr: string): number[] {
  const numbers: number[] = []
  parser.parse(expr).iterate({
    enter: (node) => {
      if (node.name !== 'BinaryExpr') return
      const operator =
        node.node.getChild('Gtr') ??
        node.node.getChild('Lss') ??
        node.node.getChild('Gte') ??
        node.node.getChild('Lte')
      if (operator === null) return
      for (const child of node.node.getChildren('NumberDurationLiteral'))
        numbers.push(Number(expr.slice(child.from, child.to)))
    },
  })
  return numbers
}
