import { describe, expect, it } from 'vitest'
import type { ComparableRun } from '../../record/index.ts'
import { compareRuns } from '../compare/index.ts'
import { simulateDuet } from '../../bench/detection-study/simulations.ts'
import { seeded } from '../../bench/detection-study/machine.ts'
import type { NoiseLevel } from '../../bench/detection-study/machine.ts'
import { findMarginProblem, noiseFor, formatNoise, parseNoise } from './known.ts'
import { estimateNoise } from './noise.ts'
import type { SameCodeUnits, SuiteNoise } from './noise.ts'

const timed = (runs: readonly ComparableRun[]): ComparableRun[] =>
  runs.map((run) => ({ ...run, durationMs: 2500 }))
/** As many duets of the same code as there are seeds. */
const sameCode = (level: NoiseLevel, seeds: readonly number[]): SameCodeUnits[] =>
  seeds.map((seed) => {
    const { baseline, candidate } = simulateDuet({ level, change: {}, pairs: 24, seconds: 2.5 }, seed)
    return { baseline: timed(baseline), candidate: timed(candidate) }
  })

function measured(duets: readonly SameCodeUnits[], draws = 20): SuiteNoise {
  const noise = estimateNoise(duets, draws, seeded(1).uniform)
  if (!noise) throw new Error('nothing was measured')
  return noise
}

const quiet = measured(sameCode('quiet', [1, 2, 3]))

describe('the noise of a machine', () => {
  it('is larger on a noisier one, and in the tail; more time sees smaller changes', () => {
    const noisy = measured(sameCode('noisy', [1, 2, 3]), 0)
    expect(noisy.metrics.p50Ms.deviation).toBeGreaterThan(2 * quiet.metrics.p50Ms.deviation)
    expect(quiet.metrics.p95Ms.deviation).toBeGreaterThan(quiet.metrics.p50Ms.deviation)
    const { detectable } = quiet.metrics.p50Ms
    expect(detectable['30']).toBeGreaterThan(detectable['60'] ?? 0)
    expect(detectable['60']).toBeGreaterThan(detectable['120'] ?? 0)
    expect([quiet.units, quiet.processPairs, quiet.unitSeconds]).toEqual([72, 3, 2.5])
  })

  it(
    'reports what a duet of a minute detects: of changes that large the gate sees most, of changes a third ' +
      'as large few',
    () => {
      const seen = quiet.metrics.p50Ms.detectable['60'] ?? 0
      const reds = (share: number): number =>
        Array.from({ length: 6 }, (_, index) => {
          const { baseline, candidate } = simulateDuet(
            { level: 'quiet', change: { all: 1 + share }, pairs: 24, seconds: 2.5 },
            900 + index,
          )
          return compareRuns(baseline, candidate).verdict
        }).filter((verdict) => verdict === 'fail').length
      // The margin of 5 % is looked at as well.
      expect(reds(Math.max(0.05, seen) + 0.06)).toBeGreaterThanOrEqual(4)
      expect(reds(seen / 3)).toBeLessThanOrEqual(1)
    },
  )

  it('counts how often the gate is red on the same code: seldom', () => {
    expect(quiet.falseAlarms.drawn).toBe(20)
    expect(quiet.falseAlarms.fail).toBeLessThanOrEqual(1)
  })

  it('is that of the pairs of processes too, where they differ', () => {
    const slower = sameCode('quiet', [7]).map(({ baseline }) => ({
      baseline,
      candidate: timed(
        simulateDuet({ level: 'quiet', change: { all: 1.1 }, pairs: 24, seconds: 2.5 }, 7).candidate,
      ),
    }))
    const apart = measured([...sameCode('quiet', [1, 2]), ...slower], 0)
    expect(apart.metrics.p50Ms.betweenProcesses).toBeGreaterThan(0.03)
    expect(apart.metrics.p50Ms.detectable['120']).toBeGreaterThan(
      2 * (quiet.metrics.p50Ms.detectable['120'] ?? 0),
    )
  })

  it.each([
    ['of nothing', []],
    [
      'of seven units',
      sameCode('quiet', [1]).map(({ baseline, candidate }) => ({
        baseline: baseline.slice(0, 7),
        candidate: candidate.slice(0, 7),
      })),
    ],
    [
      'of sides that are not pairs',
      sameCode('quiet', [1]).map(({ baseline, candidate }) => ({ baseline, candidate: candidate.slice(1) })),
    ],
  ] as [string, SameCodeUnits[]][])('is not known %s', (_, duets) => {
    expect(estimateNoise(duets, 10, () => 0.5)).toBeUndefined()
  })
})

describe('what is known of it', () => {
  const known = {
    schema: 'vigil.noise/1' as const,
    environment: { fingerprint: 'here' },
    measuredAt: '2026-11-25T01:02:03.000Z',
    suites: { browse: quiet },
  }

  it('is read back as it was, and is that of one suite in one environment', () => {
    expect(parseNoise(JSON.stringify(known), 'noise.json')).toEqual({ state: 'ok', noise: known })
    expect(noiseFor(known, 'browse', 'here')).toBe(quiet)
    expect([
      noiseFor(known, 'browse', 'elsewhere'),
      noiseFor(known, 'toString', 'here'),
      noiseFor(undefined, 'browse', 'here'),
    ]).toEqual([undefined, undefined, undefined])
  })

  it.each([
    '{',
    '{}',
    JSON.stringify({ ...known, schema: 'vigil.noise/2' }),
    JSON.stringify({ ...known, suites: { browse: {} } }),
  ])('is refused when it is %s', (text) => {
    expect(parseNoise(text, 'noise.json')).toMatchObject({
      state: 'invalid',
      problem: expect.stringMatching(/^noise\.json: .*measure again with vigil doctor --noise$/) as string,
    })
  })

  it('is quoted in one line', () => {
    expect(formatNoise(quiet, known.measuredAt)).toMatch(
      /^noise of this machine \(measured 2026-11-25\): p50 \S+ %, p95 \S+ % a unit of 2\.5 s; smallest change .* in 30, 60, 120 s: \+\S+ % \/ \+\S+ %, .*; of 20 duets of the same code \d red and \d+ undecided$/,
    )
  })

  it('refuses a margin that it cannot detect, and no other', () => {
    const least = quiet.metrics.p50Ms.detectable['120'] ?? 0
    expect(findMarginProblem(quiet, least * 0.9, 'browse')).toMatch(
      /^found \S+ %, expected at least \S+ %: as measured here by vigil doctor --noise, a duet of browse cannot see a smaller change of p50/,
    )
    expect(findMarginProblem(quiet, least * 1.1, 'browse')).toBeUndefined()
  })
})
