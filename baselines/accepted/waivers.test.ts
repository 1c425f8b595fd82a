import { describe, expect, it } from 'vitest'
import type { VerdictRow } from '../verdict.ts'
import { isWaived, parseWaivers, applyWaivers, findWaiverProblem, addWaiver } from './waivers.ts'
import type { Waiver } from './waivers.ts'

const waiver: Waiver = {
  suite: 'browse',
  step: null,
  metric: 'p95Ms',
  largestLoss: 0.15,
  reason: 'argon2 costs more now',
  owner: 'ana',
  until: '2026-12-31',
}
const row = (ratio: number | undefined, changes: Partial<VerdictRow> = {}): VerdictRow => ({
  rule: 'baseline',
  suite: 'browse',
  step: null,
  metric: 'p95Ms',
  status: 'fail',
  ...(ratio !== undefined && { ratio }),
  message: 'p95 20 → 22 ms',
  ...changes,
})
const before = Date.parse('2026-12-31T23:59:59Z')
const after = Date.parse('2027-01-01T00:00:00Z')
const only = (rows: readonly VerdictRow[]): VerdictRow => {
  const [first] = rows
  if (!first || rows.length > 1) throw new Error(`${rows.length} rows`)
  return first
}

describe('a waiver', () => {
  it('stands for a loss up to its size: skipped, and in sight with end, owner and reason', () => {
    const found = only(applyWaivers([row(1.149)], [waiver], 'browse', before))
    expect(found).toMatchObject({ status: 'skipped', ratio: 1.149 })
    expect(found.message).toBe(
      'accepted until 2026-12-31 by ana, up to +15.0 % (argon2 costs more now): p95 20 → 22 ms',
    )
    expect(isWaived(found)).toBe(true)
  })

  it.each([
    ['the loss is larger', row(1.151), before, 'more than ana accepted (+15.0 %)'],
    ['it is not known how large the loss is', row(undefined), before, 'more than ana accepted'],
    ['its last day is over', row(1.1), after, 'the waiver of ana for it ended on 2026-12-31'],
  ])('leaves the row red, and says so, when %s', (_, red, now, says) => {
    expect(only(applyWaivers([red], [waiver], 'browse', now))).toMatchObject({
      status: 'fail',
      message: expect.stringContaining(says) as string,
    })
  })

  it.each([
    ['another metric', { metric: 'p50Ms' }],
    ['a budget, which is a promise to users', { rule: 'budget' }],
  ] as [string, Partial<VerdictRow>][])('does nothing for %s, but is shown all the same', (_, changes) => {
    const rows = applyWaivers([row(1.1, changes)], [waiver], 'browse', before)
    expect(rows.map(({ status, rule }) => [status, rule])).toEqual([
      ['fail', changes.rule ?? 'baseline'],
      ['skipped', 'waiver'],
    ])
    expect(rows[1]?.message).toContain('until 2026-12-31 by ana (argon2 costs more now)')
  })

  it('of the whole run stands for its steps as well, one of a step for that step first', () => {
    const step = { ...waiver, step: 'task/list', largestLoss: 0.05 }
    const rows = applyWaivers(
      [row(1.1), row(1.1, { step: 'task/read' }), row(1.1, { step: 'task/list' })],
      [waiver, step],
      'browse',
      before,
    )
    expect(rows.map(({ status }) => status)).toEqual(['skipped', 'skipped', 'fail'])
  })

  it('of another suite, or one that is over, is not shown', () => {
    expect(applyWaivers([], [{ ...waiver, suite: 'capacity' }], 'browse', before)).toEqual([])
    expect(applyWaivers([], [waiver], 'browse', after)).toEqual([])
  })

  it('of throughput counts what more time the same work takes', () => {
    const half = { ...waiver, metric: 'throughputRps' }
    expect(only(applyWaivers([row(0.9, { metric: 'throughputRps' })], [half], 'browse', before)).status).toBe(
      'skipped',
    )
    expect(only(applyWaivers([row(0.8, { metric: 'throughputRps' })], [half], 'browse', before)).status).toBe(
      'fail',
    )
  })

  it('takes the place of an earlier one for the same, in an order of its own', () => {
    const other = { ...waiver, metric: 'p50Ms' }
    expect(addWaiver([waiver, other], { ...waiver, largestLoss: 0.2 })).toEqual([
      other,
      { ...waiver, largestLoss: 0.2 },
    ])
  })
})

describe('a waiver is refused', () => {
  const now = Date.parse('2026-11-25T00:00:00Z')
  it.each([
    ['without a reason', { reason: '  ' }, 'reason: '],
    ['without an owner', { owner: '' }, 'owner: '],
    ['of no metric', { metric: 'p95' }, 'metric: '],
    ['of any loss', { largestLoss: Number.POSITIVE_INFINITY }, 'largestLoss: '],
    ['until no day', { until: '2026-02-30' }, 'until: there is no such day'],
    ['until yesterday', { until: '2026-11-24' }, 'is over'],
    ['for ever', { until: '2030-01-01' }, 'over a year away'],
  ])('%s', (_, changes, says) => {
    expect(findWaiverProblem({ ...waiver, ...changes }, now)).toContain(says)
  })

  it('and a file with one that is wrong accepts nothing', () => {
    const text = JSON.stringify({
      schema: 'vigil.waivers/1',
      waivers: [waiver, { ...waiver, until: 'soon' }],
    })
    expect(parseWaivers(text, 'w.json')).toMatchObject({
      state: 'invalid',
      problem: expect.stringContaining('w.json: waivers[1].until: expected a day') as string,
    })
    expect(parseWaivers('{', 'w.json').state).toBe('invalid')
    expect(findWaiverProblem(waiver, now)).toBeUndefined()
  })
})
