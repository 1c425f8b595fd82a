import { describe, expect, it } from 'vitest'
import { comparisonDefaults } from '../../baselines/compare/index.ts'
import { simulateDuet } from '../../bench/detection-study/simulations.ts'
import { judgeUnits } from './attempt.ts'
import type { MeasuredUnit } from './follow.ts'

const { baseline, candidate } = simulateDuet({ level: 'quiet', change: {}, pairs: 40, seconds: 2.5 }, 11)

/** A unit; `dropped` arrivals found no free user while both sides kept as many busy. */
function unitOf(index: number, dropped = 0): MeasuredUnit {
  const generator = { droppedArrivals: dropped, busyUsers: 4 }
  const [b, c] = [baseline[index], candidate[index]]
  if (b === undefined || c === undefined) throw new Error(`no unit ${index}`)
  return {
    runs: { baseline: { ...b, generator }, candidate: { ...c, generator } },
    exact: {},
  } as MeasuredUnit
}

function judging(nowMs = (): number => 0) {
  const judged: number[] = []
  const judge = judgeUnits(
    { pairs: 24, deadlineMs: 1000, rules: comparisonDefaults },
    {
      attempt: 0,
      order: ['baseline', 'candidate'],
      earlier: [],
      analyses: [8, 24].map((pairs) => ({ pairs, alpha: 0.001, confidence: 0.95 })),
      planned: 24,
      isDecided: () => false,
    },
    {
      monotonicMs: nowMs,
      progress: {
        phase: () => undefined,
        warming: () => undefined,
        measured: ({ pairs, verdict }) => {
          if (verdict) judged.push(pairs)
        },
      },
    },
  )
  return { ...judge, judged }
}

describe('the units of one pair of processes', () => {
  it('are judged at their analyses, and end with the last', () => {
    const { addUnit, finish, judged } = judging()
    const answers = Array.from({ length: 24 }, (_, index) => addUnit(unitOf(index)))
    expect(answers).toEqual([...Array.from({ length: 23 }, () => 'continue'), 'stop'])
    expect(judged).toEqual([8, 24])
    expect(finish({ state: 'ok' }).units).toHaveLength(24)
  })

  it('are set aside when the machine disturbed both sides alike, and are not counted', () => {
    const { addUnit, finish, judged } = judging()
    for (let index = 0; index < 9; index += 1) addUnit(unitOf(index, index === 3 ? 5 : 0))
    const { units, end } = finish({ state: 'ok' })
    expect(units).toHaveLength(8)
    expect(units.map(({ runs }) => runs.baseline.endpoints)).not.toContain(baseline[3]?.endpoints)
    expect(judged).toEqual([8])
    expect(end).toEqual({ state: 'ok' })
  })

  it('that are mostly disturbed measure nothing: the machine or the rate is at fault', () => {
    const { addUnit, finish } = judging()
    const answers = Array.from({ length: 5 }, (_, index) => addUnit(unitOf(index, 5)))
    expect(answers).toEqual(['continue', 'continue', 'continue', 'continue', 'stop'])
    expect(finish({ state: 'ok' }).end).toEqual({
      state: 'failed',
      side: undefined,
      reason: expect.stringMatching(
        /^arrivals were dropped in 5 of 5 units while both sides were equally slow/,
      ),
    })
  })

  it('end with the deadline, disturbed or not', () => {
    let now = 0
    const { addUnit } = judging(() => now)
    expect(addUnit(unitOf(0))).toBe('continue')
    now = 1001
    expect([addUnit(unitOf(1)), addUnit(unitOf(2, 5))]).toEqual(['stop', 'stop'])
  })
})
