import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf, histogramOf, HistogramSum, quantile } from '../../record/index.ts'
import type { Histogram } from '../../record/index.ts'
import { exampleSummary, trendOf } from '../engines/k6/testing/summaries.ts'
import { CountsSum } from '../engines/k6/summary.ts'
import {
  collectReports,
  describeShards,
  divideLoad,
  findAccountProblem,
  findBeginProblems,
} from './shards.ts'
import type { ShardReport } from './shards.ts'

const manifest = divideLoad({ run: 'r1', plan: 'abc', format: 'vigil.shard/1' }, 3)
const reportOf = (
  name: string,
  change: Partial<{ plan: string; format: string }> = {},
): ShardReport<number> => ({
  state: 'ok',
  identity: { name, plan: 'abc', format: 'vigil.shard/1', ...change },
  value: 1,
})
const complete = ['shard-1', 'shard-2', 'shard-3'].map((name) => reportOf(name))

function collect(reports: readonly ShardReport<number>[]): { added: string[]; problems: string[] } {
  const added: string[] = []
  const problems = collectReports(manifest, reports, (name) => added.push(name))
  return { added, problems }
}

describe('a load', () => {
  it('is divided into equal segments that make up the whole', () => {
    expect(manifest.shards).toEqual([
      { name: 'shard-1', segment: '0:1/3' },
      { name: 'shard-2', segment: '1/3:2/3' },
      { name: 'shard-3', segment: '2/3:1' },
    ])
    expect(manifest.sequence).toBe('0,1/3,2/3,1')
  })
})

describe('the reports of shards', () => {
  it('are complete when every shard reported once, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(complete, { minLength: 3 }), (reports) => {
        expect(collect(reports).problems).toEqual([])
        expect(collect(reports).added.toSorted()).toEqual(['shard-1', 'shard-2', 'shard-3'])
      }),
    )
  })

  it('name every shard that is missing, and add the others', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(complete), (reports) => {
        const { added, problems } = collect(reports)
        expect(added).toHaveLength(reports.length)
        expect(problems).toHaveLength(3 - reports.length)
        for (const problem of problems) expect(problem).toMatch(/^shard-\d is missing: it reported nothing$/)
        expect(problems.filter((problem) => added.some((name) => problem.startsWith(name)))).toEqual([])
      }),
    )
  })

  it.each<[string, ShardReport<number>[], string]>([
    ['twice', [...complete, reportOf('shard-2')], 'shard-2 reported twice: only its first report is counted'],
    [
      'of another plan',
      complete.with(1, reportOf('shard-2', { plan: 'other' })),
      'shard-2 is of another plan: found other, expected abc: give every shard the same suite',
    ],
    [
      'of another version',
      complete.with(1, reportOf('shard-2', { format: 'vigil.shard/2' })),
      'shard-2 is of another version: found vigil.shard/2, expected vigil.shard/1: ' +
        'install one version everywhere',
    ],
    [
      'that could not be read',
      complete.with(1, { state: 'missing', name: 'shard-2', reason: 'k6 was ended by SIGKILL' }),
      'shard-2 is missing: k6 was ended by SIGKILL',
    ],
    [
      'of a shard that is not expected',
      [...complete, reportOf('shard-9')],
      'shard-9 is no shard of this run',
    ],
  ])('%s are a problem, and not added', (_, reports, problem) => {
    for (const order of [reports, reports.toReversed()]) {
      const { added, problems } = collect(order)
      expect(problems).toEqual([problem])
      expect(added.length).toBe(new Set(added).size)
    }
  })

  it('under the name of another shard are one twice, and one missing', () => {
    const { problems } = collect(complete.with(1, reportOf('shard-1')))
    expect(problems).toEqual([
      'shard-1 reported twice: only its first report is counted',
      'shard-2 is missing: it reported nothing',
    ])
  })
})

describe('the account of a shard', () => {
  it('adds up when every journey was answered, failed or was dropped', () => {
    expect(findAccountProblem({ offered: 10, answered: 7, failed: 2, dropped: 1 })).toBeUndefined()
  })

  it.each([
    [11, 1],
    [9, 1],
    [5, 5],
  ])('of %i offered and 10 counted lost %i', (offered, lost) => {
    expect(findAccountProblem({ offered, answered: 7, failed: 2, dropped: 1 })).toBe(
      `lost count of ${lost} journeys: offered ${offered}, but answered 7 + failed 2 + dropped 1`,
    )
  })
})

describe('the begin of shards', () => {
  const begin = (name: string, atMs: number, clockOffsetMs = 0) => ({ name, atMs, clockOffsetMs })

  it.each([
    [2000, []],
    [2001, ['shard-2 was late: it began 2.0 s after the first, expected at most 2 s']],
  ])('%i ms apart', (ms, expected) => {
    expect(findBeginProblems([begin('shard-1', 100), begin('shard-2', 100 + ms)])).toEqual(expected)
  })

  it('twice is a problem', () => {
    const begins = [begin('shard-1', 0), begin('shard-2', 1), begin('shard-2', 900)]
    expect(findBeginProblems(begins)).toEqual(['shard-2 began twice: it was started again'])
  })

  it('by a clock an hour off is a note, not a problem', () => {
    const begins = [begin('shard-1', 0), begin('shard-2', 7, 3_600_000)]
    expect(findBeginProblems(begins)).toEqual([])
    expect(describeShards(begins, { offered: 3, answered: 1, failed: 1, dropped: 1 })).toEqual([
      '2 shards began within 7 ms: offered 3 journeys = answered 1 + failed 1 + dropped 1',
      'shard-2: its clock differs by 3600 s; nothing is computed from it',
    ])
  })
})

const samples = fc.array(
  fc.integer({ min: 1, max: 60_000_000 }).map((micros) => micros / 1000),
  { minLength: 1, maxLength: 200 },
)

function add(...histograms: readonly Histogram[]): Histogram {
  const sum = new HistogramSum()
  for (const [upperMs, count] of histograms.flat()) sum.add(upperMs, count)
  return sum.histogram()
}

describe('the sum of histograms', () => {
  it('is that of the pooled samples, in any order and grouping', () => {
    fc.assert(
      fc.property(fc.array(samples, { minLength: 1, maxLength: 5 }), (shards) => {
        const parts = shards.map(histogramOf)
        const pooled = add(histogramOf(shards.flat()))
        expect(add(...parts)).toEqual(pooled)
        expect(add(...parts.toReversed())).toEqual(pooled)
        expect(add(add(...parts.slice(0, 2)), add(...parts.slice(2)))).toEqual(pooled)
        expect(countOf(pooled)).toBe(shards.flat().length)
      }),
    )
  })

  it('has the percentiles of the pooled samples to 0.1 %', () => {
    fc.assert(
      fc.property(samples, samples, fc.integer({ min: 0, max: 1000 }), (a, b, permille) => {
        const exact = quantile(histogramOf([...a, ...b]), permille / 1000)
        const summed = quantile(add(histogramOf(a), histogramOf(b)), permille / 1000)
        expect(summed).toBeGreaterThanOrEqual(exact)
        expect(summed).toBeLessThanOrEqual(exact * 1.001 + 1e-9)
      }),
    )
  })

  it('keeps values of zero, of hours and negative lateness', () => {
    const sum = add([
      [-1, 1],
      [0, 2],
      [2.047, 1],
      [2.048, 1],
      [7_200_000, 3],
      [1e12, 1],
    ])
    expect(countOf(sum)).toBe(9)
    expect(sum[0]).toEqual([0, 3])
    expect(sum.map(([upperMs]) => upperMs)).toEqual(sum.map(([ms]) => ms).toSorted((a, b) => a - b))
  })
})

describe('the sum of what several k6 counted', () => {
  /** Skewed like the latencies of a service. */
  const latencies = (seed: number, count: number): number[] => {
    let state = seed
    const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    return Array.from({ length: count }, () => 5 - 8 * Math.log(next()) + (next() < 0.02 ? 200 : 0))
  }

  it('has its percentiles within 1 % of the pooled samples', () => {
    const shards = [1, 2, 3, 4].map((seed) => latencies(seed, 5000 * seed))
    const sum = new CountsSum(1)
    for (const samplesMs of shards) sum.add(exampleSummary({}, samplesMs))
    const [step] = sum.counts().steps
    const pooled = histogramOf(shards.flat())
    expect(step?.requests).toBe(50_000)
    for (const q of [0.5, 0.9, 0.95, 0.99, 1]) {
      const [actual, truth] = [quantile(step?.histogram ?? [], q), quantile(pooled, q)]
      expect(Math.abs(actual / truth - 1), `p${q * 100}: ${actual}, pooled ${truth}`).toBeLessThan(0.01)
    }
  })

  it('adds every count, and keeps the failures by class', () => {
    const summary = exampleSummary({
      dropped: 3,
      warmups: 5,
      users: 7,
      limits: { files: 1, ports: 2 },
      connecting: trendOf([1, 3]),
      steps: [{ latency: trendOf([1, 2, 3]), unanswered: 2, failed: { timeout: 2, status: 1 } }],
    })
    const sum = new CountsSum(1)
    sum.add(summary)
    sum.add(summary)
    expect(sum.counts()).toMatchObject({
      dropped: 6,
      warmups: 10,
      users: 14,
      limits: { files: 2, ports: 4 },
      connections: { timeSumMs: 8 },
      steps: [{ requests: 10, errors: 6, latencySumMs: 12, failed: { timeout: 4, status: 2 } }],
    })
  })
})
