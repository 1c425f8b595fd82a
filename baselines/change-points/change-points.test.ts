import { describe, expect, it } from 'vitest'
import type { ComparableRun } from '../../record/index.ts'
import { simulateSeries } from '../../bench/detection-study/simulations.ts'
import type { SeriesPlan } from '../../bench/detection-study/simulations.ts'
import { findChangePoints, examineHistory } from './change-points.ts'

const calm: SeriesPlan = { runs: 60, steps: [], noise: 0.02, correlation: 0.3, spikes: 0, gaps: 0 }

/** A series of totals whose latencies are these, in milliseconds. */
function seriesOf(
  latencies: readonly number[],
  more: (index: number) => Partial<ComparableRun['totals']> = () => ({}),
): ComparableRun[] {
  return latencies.map((ms, index) => ({
    schema: 'vigil.run/1',
    totals: {
      requests: 6000,
      errors: 0,
      errorRate: 0,
      throughputRps: 100,
      latency: { meanMs: ms, p50Ms: ms, p90Ms: ms, p95Ms: ms, p99Ms: ms, maxMs: ms },
      ...more(index),
    },
    endpoints: {},
  }))
}

/* p50 in ms, 20 runs, then 20 after the change; the last of each kind to be taken for a change is the spike
 * at run 9:
 *   22 |                     ▪▪ ▪▪▪▪ ▪▪▪ ▪▪▪ ▪▪▪▪
 *   20 |▪▪▪ ▪▪▪▪▪  ▪▪▪ ▪▪▪▪▪▪  ▪    ▪   ▪   ▪
 *      +---------|---------|---------|---------|   */
const real = [
  20.1, 20.3, 19.8, 20.2, 20.4, 19.9, 20.1, 20.0, 20.3, 31.0, 20.1, 19.7, 20.2, 20.0, 20.4, 20.1, 19.9, 20.2,
  20.3, 20.0, 22.1, 22.4, 21.9, 22.2, 22.0, 22.5, 22.1, 21.8, 22.3, 22.2, 22.0, 22.1, 22.4, 21.9, 22.2, 22.3,
  22.0, 22.1, 22.2, 21.9,
]

describe('a step in the level', () => {
  it('is found where it is, with the levels before and after', () => {
    const [first, ...others] = findChangePoints(seriesOf(real), { metrics: ['p50Ms'] })
    expect(others).toEqual([])
    expect(first).toMatchObject({
      index: 20,
      metric: 'p50Ms',
      before: expect.closeTo(20.1, 0),
      after: expect.closeTo(22.1, 0),
    })
    expect(first?.pValue).toBeLessThan(1e-6)
  })

  it.each([3, 5, 9, 40])('is found at threshold %d: it is no matter of the setting', (threshold) => {
    const found = findChangePoints(seriesOf(real), { metrics: ['p50Ms'], threshold })
    expect(found.map(({ index }) => index)).toEqual(threshold === 40 ? [] : [20])
  })

  it('has one place for all latencies, and none in what did not change', () => {
    const found = findChangePoints(simulateSeries({ ...calm, steps: [{ at: 30, factor: 1.2 }] }, 3))
    expect(found.map(({ metric, index }) => [metric, index])).toEqual([
      ['p50Ms', 30],
      ['p95Ms', 30],
      ['meanMs', 30],
    ])
  })

  it.each([553, 793, 931])(
    'is one, at its place, where a narrow look takes it for two six runs apart, seed %d',
    (seed) => {
      const at = seed === 931 ? 26 : 28
      const plan = {
        runs: seed === 931 ? 90 : 150,
        noise: 0.02,
        correlation: 0,
        spikes: 0.03,
        gaps: 0.03,
        steps: [{ at, factor: seed === 931 ? 1 / 1.2 : 1.2 }],
      }
      expect(
        findChangePoints(simulateSeries(plan, 5_000_000 + seed), { metrics: ['p50Ms'] }).map(
          ({ index }) => index,
        ),
      ).toEqual([at])
    },
  )

  it(
    'lies between the runs that are reported with it in 19 of 20 histories and more, and they are further ' +
      'apart the fainter it is',
    () => {
      const located = (factor: number): [number, number][] =>
        Array.from(
          { length: 60 },
          (_, seed) =>
            examineHistory(simulateSeries({ ...calm, noise: 0.03, steps: [{ at: 30, factor }] }, seed), {
              metrics: ['p50Ms'],
            }).changes,
        ).flatMap((found) => (found.length === 1 && found[0] ? [found[0].within] : []))
      const width = (all: readonly [number, number][]): number =>
        all.reduce((sum, [from, to]) => sum + to - from, 0) / all.length
      const [faint, clear] = [located(1.12), located(1.4)]
      for (const all of [faint, clear])
        expect(all.filter(([from, to]) => from <= 30 && to >= 30).length / all.length).toBeGreaterThanOrEqual(
          0.95,
        )
      expect(width(faint)).toBeGreaterThan(1.5 * width(clear))
    },
  )

  it('down and up again is two', () => {
    const found = findChangePoints(
      simulateSeries(
        {
          ...calm,
          steps: [
            { at: 20, factor: 0.8 },
            { at: 40, factor: 1.25 },
          ],
        },
        5,
      ),
      { metrics: ['p50Ms'] },
    )
    expect(found.map(({ index, before, after }) => [index, Math.sign(after - before)])).toEqual([
      [20, -1],
      [40, 1],
    ])
  })

  it('keeps its place in the series as given when runs are missing, invalid or interrupted', () => {
    const series: (ComparableRun | null)[] = [...seriesOf(real)]
    series.splice(5, 0, null)
    const [odd] = seriesOf([900])
    if (!odd) throw new Error('a series of one has a run')
    series.splice(
      8,
      0,
      { ...odd, interrupted: true },
      { ...odd, validity: { valid: false, reasons: ['simulated'] } },
      { ...odd, totals: { ...odd.totals, requests: 0 } },
    )
    expect(findChangePoints(series, { metrics: ['p50Ms'] }).map(({ index }) => index)).toEqual([24])
  })

  // Eight in a row are a level of their own: no filter of single spikes removes them.
  it.each<[string, Partial<ComparableRun>]>([
    ['interrupted', { interrupted: true }],
    ['invalid', { validity: { valid: false, reasons: ['simulated'] } }],
  ])('is none when eight runs in a row were %s at another level', (_what, changes) => {
    const levels = Array.from({ length: 40 }, (_, index) => 20 + (index % 3) / 10)
    const series = seriesOf(levels.map((ms, index) => (index >= 20 && index < 28 ? ms * 3 : ms)))
    expect(findChangePoints(series, { metrics: ['p50Ms'] })).not.toEqual([])
    const excluded = series.map((run, index) => (index >= 20 && index < 28 ? { ...run, ...changes } : run))
    expect(findChangePoints(excluded, { metrics: ['p50Ms'] })).toEqual([])
  })

  it('is rarely found in runs that resemble the ones before them and have no step', () => {
    const withChange = Array.from({ length: 200 }, (_, seed) =>
      findChangePoints(simulateSeries({ ...calm, correlation: 0.6 }, 7_000_000 + seed), {
        metrics: ['p50Ms'],
      }),
    ).filter((changes) => changes.length > 0)
    expect(withChange.length / 200).toBeLessThanOrEqual(0.05)
  })

  it('of errors and of throughput is found too', () => {
    const errors = findChangePoints(
      seriesOf(
        Array.from({ length: 30 }, () => 5),
        (index) => (index < 15 ? { errors: 3, errorRate: 0.0005 } : { errors: 60, errorRate: 0.01 }),
      ),
    )
    expect(errors.map(({ metric, index }) => [metric, index])).toEqual([['errorRate', 15]])
    const throughput = findChangePoints(
      seriesOf(
        Array.from({ length: 30 }, () => 5),
        (index) => ({ throughputRps: index < 15 ? 100 : 88 }),
      ),
    )
    expect(throughput.map(({ metric, index, before, after }) => [metric, index, before, after])).toEqual([
      ['throughputRps', 15, 100, 88],
    ])
  })
})

describe('no change is reported', () => {
  it.each([
    ['of nothing', []],
    [
      'of fewer than twelve runs',
      seriesOf([...Array.from({ length: 5 }, () => 10), ...Array.from({ length: 6 }, () => 20)]),
    ],
    ['of gaps alone', Array.from({ length: 30 }, () => null)],
    ['without spread', seriesOf(Array.from({ length: 40 }, () => 10))],
    ['for a step of 4 %', seriesOf(Array.from({ length: 40 }, (_, index) => (index < 20 ? 10 : 10.4)))],
    [
      'for five runs at another level, which are an episode',
      seriesOf(
        Array.from({ length: 40 }, (_, index) => (index >= 20 && index < 25 ? 14 : 10 + 0.1 * (index % 3))),
      ),
    ],
    [
      'for one error in a series without',
      seriesOf(
        Array.from({ length: 40 }, () => 10),
        (index) => (index === 20 ? { errors: 1, errorRate: 1 / 6000 } : {}),
      ),
    ],
  ] as [string, (ComparableRun | null)[]][])('%s', (_, series) => {
    expect(findChangePoints(series)).toEqual([])
  })
})

it('is at most 0.3 s over 1,000 runs, in processor time', () => {
  const series = simulateSeries(
    {
      ...calm,
      runs: 1000,
      steps: [
        { at: 300, factor: 1.1 },
        { at: 700, factor: 1.1 },
      ],
      spikes: 0.03,
      gaps: 0.03,
    },
    5,
  )
  const before = process.cpuUsage()
  expect(findChangePoints(series).length).toBeGreaterThan(0)
  const { user, system } = process.cpuUsage(before)
  // Measured at 0.02 s; a slow machine may be ten times as slow.
  expect((user + system) / 1000).toBeLessThan(300)
})
