import { describe, expect, it } from 'vitest'
import { compareWithBaseline } from '../../baselines/accepted/index.ts'
import type { VerdictRow } from '../../baselines/verdict.ts'
import { accept, redShare, runMaker } from './accepted.ts'
import { seeded } from './machine.ts'

/**
 * Releases of 2 % each, every one accepted on its own day; what the last one's run came to, and on which
 * release a run was red first.
 */
function creep(
  seed: number,
  releases: number,
  step: number,
): { rows: VerdictRow[]; redFrom: number | undefined } {
  const make = runMaker({ runNoise: 0.01, drift: 0.01 }, seeded(seed))
  let baseline = accept(
    undefined,
    Array.from({ length: 5 }, () => make(0)),
  )
  let rows: VerdictRow[] = []
  let redFrom: number | undefined
  for (let release = 1; release <= releases; release += 1) {
    const run = make(release, { all: step ** release })
    rows = compareWithBaseline(baseline, run)
    if (rows.some(({ status }) => status === 'fail')) redFrom ??= release
    // Accepted all the same, as if a reviewer had looked at this step alone.
    baseline = accept(baseline, [run])
  }
  return { rows, redFrom }
}

const seeds = [1, 2, 3, 4, 5, 6]

describe('slow creep', () => {
  it.each(seeds)(
    'of twelve steps of 2 %, each within its margin, goes red against the anchor, seed %d',
    (seed) => {
      const { rows, redFrom = 0 } = creep(seed, 12, 1.02)
      expect(
        rows.filter(({ rule, status }) => rule === 'anchor' && status === 'fail').map(({ metric }) => metric),
      ).toContain('p50Ms')
      // What a single release lost is within its margin; the accepted runs alone would never have shown it.
      expect(
        rows.filter(({ rule, status, step }) => rule === 'baseline' && status === 'fail' && step === null),
      ).toEqual([])
      expect(redFrom).toBeGreaterThan(5)
    },
  )

  it.each(seeds)('is none where nothing crept, seed %d', (seed) => {
    expect(creep(seed, 12, 1).redFrom).toBeUndefined()
  })
})

describe('a run compared with accepted ones, simulated', () => {
  const oneHour = { sessions: 1, runsPerSession: 5, runNoise: 0.03, drift: 0.04 }

  it('passes where nothing changed, on a machine whose hours differ by more than is assumed', () => {
    expect(redShare(oneHour, {}, 30, 300)).toBe(0)
    expect(redShare({ ...oneHour, drift: 0.08 }, {}, 30, 400)).toBeLessThanOrEqual(1 / 30)
  })

  it('is red at +50 %, and knows more the more hours it has seen', () => {
    expect(redShare(oneHour, { all: 1.5 }, 10, 500)).toBeGreaterThanOrEqual(0.7)
    const hours = { sessions: 5, runsPerSession: 2, runNoise: 0.01, drift: 0.01 }
    expect(redShare(hours, { all: 1.3 }, 10, 600)).toBeGreaterThanOrEqual(0.9)
    expect(redShare({ ...hours, sessions: 1, runsPerSession: 10 }, { all: 1.3 }, 10, 600)).toBeLessThan(0.6)
  })
})
