import { describe, expect, it } from 'vitest'
import { accept, runMaker } from '../../bench/detection-study/accepted.ts'
import { seeded } from '../../bench/detection-study/machine.ts'
import type { Run, ScriptMetric } from '../../record/index.ts'
import { compareWithBaseline } from './compare.ts'

const make = runMaker({ runNoise: 0.015, drift: 0.015 }, seeded(11))
const noise = seeded(5).uniform

/** A run whose script counts payments; `slower` of its time, `fewer` of its orders and passed checks. */
function count(run: Run, slower = 1, fewer = 1, better: ScriptMetric['better'] = 'lower'): Run {
  const about = (value: number): number => value * (1 + 0.02 * (noise() - 0.5))
  const time = about(40 * slower)
  return {
    ...run,
    scriptMetrics: {
      pay_time: {
        type: 'trend',
        unit: 'ms',
        samples: 5000,
        value: time,
        p50: time,
        p95: about(2 * time),
        better,
      },
      orders: { type: 'counter', samples: 500, value: 500, perSecond: about(50 * fewer), better: 'higher' },
      gone: { type: 'gauge', samples: 1, value: 0, better: 'lower' },
      unknown: { type: 'counter', samples: 9, value: about(9 * slower), perSecond: about(3 * slower) },
    },
    checks: { 'is paid': { passes: Math.round(9900 * fewer), fails: 10_000 - Math.round(9900 * fewer) } },
  }
}

const baseline = accept(
  undefined,
  Array.from({ length: 8 }, (_, index) => count(make(Math.floor(index / 2)))),
)
const failed = (run: Run): string[] =>
  compareWithBaseline(baseline, run)
    .filter(({ status }) => status === 'fail')
    .map(({ metric }) => metric)
    .toSorted()

describe('what a script counts, compared with accepted runs', () => {
  it('is no fail as long as it is as before', () => {
    const rows = compareWithBaseline(baseline, count(make(5)))
    expect(rows.filter(({ status }) => status === 'fail')).toEqual([])
    expect(
      rows
        .map(({ metric }) => metric)
        .filter((metric) => metric.startsWith('script'))
        .toSorted(),
    ).toEqual(['script orders per second', 'script pay_time p50', 'script pay_time p95'])
  })

  it('fails in the direction that is worse, with its figures', () => {
    expect(failed(count(make(5), 2))).toEqual(['script pay_time p50', 'script pay_time p95'])
    expect(failed(count(make(5), 1, 0.5))).toEqual(['script check is paid', 'script orders per second'])
    expect(failed(count(make(5), 0.5, 1))).toEqual([])
    const row = compareWithBaseline(baseline, count(make(5), 1, 0.5)).find(({ metric }) =>
      metric.startsWith('script check'),
    )
    expect(row?.message).toMatch(
      /^check is paid 99 % of 8 accepted runs → 49\.\d+ %: −50 % \(.*\), margin 5 %/,
    )
  })

  it('is not compared without a direction, and not with a run that did not count it', () => {
    const { scriptMetrics: _metrics, checks: _checks, ...without } = count(make(5))
    expect(failed(without)).toEqual([])
    expect(failed(make(5))).toEqual([])
  })
})
