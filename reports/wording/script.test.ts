import { expect, it } from 'vitest'
import { countsOf, exampleRun, spread } from '../../record/testing/examples/runs.ts'
import { listScriptFacts } from './script.ts'

it('a script metric or check is one line, by its type and unit, without control characters', () => {
  const run = exampleRun(
    { 'script/a': countsOf(spread(10, 1, 2)) },
    {
      scriptMetrics: {
        pay_time: {
          type: 'trend',
          unit: 'ms',
          samples: 1200,
          value: 12.5,
          min: 1,
          max: 90,
          p50: 11,
          p95: 40,
        },
        size: { type: 'counter', unit: 'bytes', samples: 2, value: 3e6, perSecond: 1e5 },
        stock: { type: 'gauge', samples: 2, value: -7, min: -9, max: 3 },
        won: { type: 'rate', samples: 8, value: 0.125 },
        none: { type: 'trend', samples: 0, value: 0 },
      },
      checks: { 'is "ok"\u001B[2J': { passes: 3, fails: 1 } },
    },
  )
  expect(listScriptFacts(run)).toEqual([
    ['pay_time', 'mean 12.5 ms, p50 11 ms, p95 40 ms, max 90 ms (1,200)'],
    ['size', '3 MB, 0.1 MB per second'],
    ['stock', '-7 at last, -9 to 3'],
    ['won', '12.5 % of 8'],
    ['none', '–'],
    ['check is "ok"\uFFFD[2J', '75 % passed (3 of 4)'],
  ])
  expect(listScriptFacts(exampleRun({}))).toEqual([])
})
