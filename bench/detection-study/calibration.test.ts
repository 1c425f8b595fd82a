import { describe, expect, it } from 'vitest'
import { judgeControl } from '../../baselines/duet/index.ts'
import { decideDuets, deciders, share, shareOf } from './deciders.ts'
import type { Share, Goal } from './deciders.ts'
import { scoreHistory } from './histories.ts'
import type { NoiseLevel } from './machine.ts'
import type { Change } from './service.ts'
import { simulateControl } from './simulations.ts'

/**
 * The goals of detection on few seeded duets: the same on every machine, so nothing here flakes. Bounds are
 * loose enough for another way to draw the duets, and tight enough that a level ten times too high, a margin
 * not looked at, or a test that sees nothing goes red. `node bench/detection-study/main.ts` measures them at
 * length.
 */
const { vigil } = deciders

function shareAt(
  level: NoiseLevel,
  change: Change,
  counted: Goal['counted'],
  cases: number,
  seconds = 2.5,
): Share {
  const decisions = decideDuets({ change, level, seconds }, { vigil }, cases, 5000).get('vigil') ?? []
  return shareOf({ name: '', change, levels: [level], seconds, counted, bound: { least: 0 } }, decisions)
}

describe('the gate, on simulated duets', () => {
  it('is red on at most one in 120 where nothing changed, whatever the machine', () => {
    const levels = ['quiet', 'normal', 'drifty', 'noisy'] as const
    expect(levels.reduce((sum, level) => sum + shareAt(level, {}, 'fail', 30).count, 0)).toBeLessThanOrEqual(
      1,
    )
  })

  it('has a control that fails on at most one of 60', () => {
    const failed = Array.from({ length: 60 }, (_, index) =>
      judgeControl(simulateControl({ level: 'normal', pairs: 24, seconds: 2.5 }, 9000 + index), {}),
    ).filter((control) => control?.failed !== undefined)
    expect(failed.length).toBeLessThanOrEqual(1)
  })

  it('decides where nothing changed, more often than not', () => {
    expect(share(shareAt('normal', {}, 'pass', 20))).toBeGreaterThanOrEqual(0.4)
  })

  it('sees +10 % everywhere, and never passes it', () => {
    expect(share(shareAt('normal', { all: 1.1 }, 'fail', 20))).toBeGreaterThanOrEqual(0.9)
    expect(shareAt('noisy', { all: 1.1 }, 'pass', 20).count).toBeLessThanOrEqual(1)
  })

  it('passes +5 %, which is the margin, in at most one of 20', () => {
    expect(shareAt('normal', { all: 1.05 }, 'pass', 20).count).toBeLessThanOrEqual(1)
  })

  it('is seldom red on +2 %, which is within the margin', () => {
    expect(shareAt('normal', { all: 1.02 }, 'fail', 20).count).toBeLessThanOrEqual(4)
  })

  it('sees +20 % on the smallest step and names it, errors of .3 %, throughput 10 % lower', () => {
    const step = { step: { name: 'export/csv', factor: 1.2 } }
    expect(shareAt('quiet', step, 'fail', 8, 5).count).toBeGreaterThanOrEqual(6)
    expect(share(shareAt('quiet', step, 'named', 8, 5))).toBeGreaterThanOrEqual(0.8)
    expect(shareAt('normal', { errorRate: 0.003 }, 'fail', 8, 5).count).toBeGreaterThanOrEqual(7)
    expect(shareAt('normal', { throughput: 0.9 }, 'fail', 8, 5).count).toBeGreaterThanOrEqual(7)
  })
})

it('histories: changes of 10 % are found, near their place, and clean series stay clean', () => {
  const score = scoreHistory(1.1, 120, 7000)
  expect(score.hits / (score.reported + score.falsePoints)).toBeGreaterThanOrEqual(0.9)
  expect(score.hits / score.changes).toBeGreaterThanOrEqual(0.85)
  expect(score.distance).toBeLessThan(1)
  expect(score.falsePoints).toBeLessThanOrEqual(3)
})
