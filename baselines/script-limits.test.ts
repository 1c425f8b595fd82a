import { describe, expect, it } from 'vitest'
import { judgeRun } from './judge.ts'
import { parseScriptLimit, withDirections } from './script-limits.ts'
import type { ScriptLimits } from './script-limits.ts'
import type { Run, ScriptMetric } from '../record/index.ts'
import { countsOf, exampleRun, spread } from '../record/testing/examples/runs.ts'

const trend: ScriptMetric = {
  type: 'trend',
  unit: 'ms',
  samples: 400,
  value: 25,
  min: -1,
  max: 40,
  histogram: [
    [-1, 200],
    [40, 200],
  ],
}
const run: Run = exampleRun(
  { 'script/a': countsOf(spread(4000, 5, 9)) },
  {
    scriptMetrics: {
      pay_time: trend,
      rare: { ...trend, samples: 20 },
      orders: { type: 'counter', samples: 5, value: 50, perSecond: 5 },
      stock: { type: 'gauge', samples: 2, value: 7, min: 3, max: 9 },
      won: { type: 'rate', samples: 10, value: 0.8 },
      none: { type: 'counter', samples: 0, value: 0 },
    },
    checks: { ok: { passes: 990, fails: 10 }, few: { passes: 9, fails: 0 }, bad: { passes: 0, fails: 9 } },
  },
)
const judge = (limits: ScriptLimits): string[] =>
  judgeRun(run, limits).rows.map(({ status, message }) => `${status}: ${message}`)

describe('limits on what a script counts', () => {
  it('judge each metric by its statistics', () => {
    expect(
      judge({
        metrics: {
          pay_time: ['p(95) < 41', 'p(95)<=40', 'avg<25', 'med > -2', 'max<41'],
          orders: ['count>=50', 'rate > 5'],
          stock: ['value >= 7', 'min>3'],
          won: ['rate>=0.9'],
        },
      }),
    ).toEqual([
      'pass: pay_time p(95) 40 ms, budget < 41 ms',
      'pass: pay_time p(95) 40 ms, budget <= 40 ms',
      'fail: pay_time avg 25 ms, budget < 25 ms',
      'pass: pay_time med -1 ms, budget > -2 ms',
      'pass: pay_time max 40 ms, budget < 41 ms',
      'pass: orders count 50, budget >= 50',
      'fail: orders rate 5, budget > 5',
      'pass: stock value 7, budget >= 7',
      'fail: stock min 3, budget > 3',
      'fail: won rate 80 %, budget >= 90 %',
    ])
  })

  it('are invalid without the metric or the statistic, and undecided with too few samples', () => {
    expect(
      judge({ metrics: { gone: ['avg<1'], none: ['count<1'], won: ['avg<1'], rare: ['p(99)<50'] } }),
    ).toEqual([
      expect.stringMatching(/^invalid: metric gone has a budget but .*pay_time, rare, orders/),
      expect.stringMatching(/^invalid: metric none has a budget/),
      'invalid: won avg has a budget, but a rate has rate only',
      expect.stringMatching(/^inconclusive: rare p\(99\) 40 ms.*20 samples, 1000 are needed/),
    ])
  })

  it('judge the share of a check that passed', () => {
    expect(judge({ checks: { ok: 0.99, few: 0.99, bad: 0.99, gone: 0.5 } })).toEqual([
      'pass: check "ok" passed 99 % (990 of 1000), budget ≥ 99 %',
      expect.stringMatching(/^inconclusive: check "few" passed 100 % \(9 of 9\).*300 are needed/),
      'fail: check "bad" passed 0 % (0 of 9), budget ≥ 99 %',
      expect.stringMatching(/^invalid: check gone has a budget/),
    ])
    expect(judge({ checks: { ok: 1 } })).toEqual([expect.stringMatching(/^fail: /)])
  })

  it('give the direction that only they state', () => {
    const { scriptMetrics } = withDirections(run, {
      metrics: { orders: ['count>5'], stock: ['min>1', 'max<9'] },
    })
    expect([scriptMetrics?.['orders']?.better, scriptMetrics?.['stock']?.better]).toEqual([
      'higher',
      undefined,
    ])
  })

  it.each(['p(95)', '< 5', 'p(195)<5', 'avg<', 'avg < 5ms', 'avg==5', 'mean<5', 'avg<5<6'])(
    '%s is none',
    (text) => {
      expect(parseScriptLimit(text)).toBeUndefined()
    },
  )
})
