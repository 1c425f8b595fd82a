import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countsOf, exampleRun } from '../../record/testing/examples/runs.ts'
import type { Run } from '../../record/index.ts'
import { simulateDuet } from '../../bench/detection-study/simulations.ts'
import type { DuetPlan } from '../../bench/detection-study/simulations.ts'
import { seeded } from '../../bench/detection-study/machine.ts'
import type { Verdict, VerdictRow } from '../verdict.ts'
import { toVerdictWord } from '../verdict.ts'
import { compareRuns } from './compare-runs.ts'
import { buildTestFamily } from './family.ts'
import { toRules, unpairedAlphaShare } from './options.ts'

/** A block of two steps whose latencies are `factor` times as large, with a little noise of its own. */
function block(
  seed: number,
  factor = 1,
  changes: Partial<Run> = {},
  more: Parameters<typeof countsOf>[1] = {},
  dropped = 0,
): Run {
  const random = seeded(seed)
  const machine = Math.exp(0.02 * random.normal())
  const latencies = (count: number, ms: number): number[] =>
    Array.from({ length: count }, () => ms * machine * Math.exp(0.3 * random.normal()))
  return exampleRun(
    {
      'task/list': countsOf(
        latencies(300, 20).map((ms) => ms * factor),
        more,
      ),
      'task/read': countsOf(latencies(300, 5).map((ms) => ms * factor)),
    },
    { durationMs: 2500, ...changes },
    dropped,
  )
}

const blocks = (
  count: number,
  first: number,
  factor = 1,
  changes: Partial<Run> = {},
  more = {},
  dropped = 0,
): Run[] => Array.from({ length: count }, (_, index) => block(first + index, factor, changes, more, dropped))
const base = blocks(24, 1)

function row(verdict: Verdict, metric: string, step: string | null = null): VerdictRow {
  const found = verdict.rows.find((one) => one.metric === metric && one.step === step)
  if (!found) throw new Error(`no row ${metric} of ${step}`)
  return found
}

const word = (plan: Partial<DuetPlan>, seed = 11): string => {
  const { baseline, candidate } = simulateDuet(
    { level: 'quiet', change: {}, pairs: 24, seconds: 2.5, ...plan },
    seed,
  )
  return compareRuns(baseline, candidate).verdict
}

describe('a verdict on 24 pairs', () => {
  it('passes what is the same, and says the smallest change it would have seen', () => {
    const verdict = compareRuns(base, blocks(24, 101))
    expect(verdict.verdict).toBe('pass')
    expect(row(verdict, 'p95Ms').message).toMatch(
      /^p95 \S+ → \S+ ms: [+−]\S+ % \(.+ … .+\), margin 5 %; could have missed slowdowns up to \S+ %$/,
    )
  })

  it(
    'fails what is 20 % slower, in the whole and at both steps, with ratio, interval and levels that ' +
      'agree',
    () => {
      const verdict = compareRuns(base, blocks(24, 101, 1.2))
      expect(verdict.verdict).toBe('fail')
      for (const [metric, step] of [
        ['p50Ms', null],
        ['p95Ms', null],
        ['p50Ms', 'task/list'],
        ['p50Ms', 'task/read'],
      ] as const) {
        const {
          status,
          ratio = 0,
          ci = [0, 0],
          baseline = 0,
          candidate = 0,
          margin,
        } = row(verdict, metric, step)
        expect([status, margin]).toEqual(['fail', expect.closeTo(0.05, 9)])
        expect(ratio).toBeCloseTo(1.2, 1)
        expect(ci[0]).toBeLessThan(ratio)
        expect(ci[1]).toBeGreaterThan(ratio)
        expect(candidate / baseline).toBeCloseTo(ratio, 9)
      }
    },
  )

  it('calls 20 % faster improved, which passes', () => {
    const verdict = compareRuns(base, blocks(24, 101, 1 / 1.2))
    expect([verdict.verdict, row(verdict, 'p50Ms').status]).toEqual(['pass', 'improved'])
  })

  it('fails three per cent of errors, one burst of as many it does not', () => {
    expect(row(compareRuns(base, blocks(24, 101, 1, {}, { failedAnswers: 9 })), 'errorRate').status).toBe(
      'fail',
    )
    const burst = [block(101, 1, {}, { failedAnswers: 200 }), ...blocks(23, 102)]
    expect(compareRuns(base, burst).verdict).toBe('pass')
  })

  it('fails a candidate that saturates: throughput falls and arrivals are dropped', () => {
    const saturated = blocks(24, 101).map((run) => ({
      ...run,
      totals: {
        ...run.totals,
        throughputRps: run.totals.throughputRps * 0.8,
        requests: run.totals.requests + 150,
        errors: 150,
        errorRate: 150 / (run.totals.requests + 150),
      },
    }))
    const verdict = compareRuns(base, saturated)
    expect([verdict.verdict, row(verdict, 'throughputRps').status, row(verdict, 'errorRate').status]).toEqual(
      ['fail', 'fail', 'fail'],
    )
  })

  it('fails a candidate that answers nothing, rather than calling it unmeasured', () => {
    const silent = blocks(24, 101).map(({ endpoints, ...run }) => ({
      ...run,
      endpoints: Object.fromEntries(
        Object.entries(endpoints).map(([step, endpoint]) => [
          step,
          { ...endpoint, errors: endpoint.requests, errorRate: 1, throughputRps: 0, histogram: [] },
        ]),
      ),
      totals: { ...run.totals, errors: run.totals.requests, errorRate: 1, throughputRps: 0 },
    }))
    const verdict = compareRuns(base, silent)
    expect([verdict.verdict, row(verdict, 'throughputRps').status, row(verdict, 'p95Ms').status]).toEqual([
      'fail',
      'fail',
      'skipped',
    ])
  })

  it('names the one step that is slower first, and no other', () => {
    const { baseline, candidate } = simulateDuet(
      { level: 'quiet', change: { step: { name: 'export/csv', factor: 1.3 } }, pairs: 24, seconds: 5 },
      5,
    )
    const verdict = compareRuns(baseline, candidate)
    expect([verdict.verdict, verdict.rows[0]?.step]).toEqual(['fail', 'export/csv'])
    const failed = verdict.rows.filter(({ status, step }) => status === 'fail' && step !== null)
    expect(new Set(failed.map(({ step }) => step))).toEqual(new Set(['export/csv']))
  })

  it('is not red when the mix of steps shifts and nothing is slower', () => {
    expect(word({ change: { shares: [0.2, 0.1, 0.1, 0.1, 0.3, 0.2] } })).not.toBe('fail')
  })

  it.each(['hdr', 'exact', 'coarse'] as const)(
    'sees +20 %% in histograms of a writer that is %s',
    (writer) => {
      expect(word({ change: { all: 1.2 }, writer })).toBe('fail')
      expect(word({ writer })).not.toBe('fail')
    },
  )

  it('strict, asks for the whole interval beyond the margin', () => {
    const slower = blocks(24, 101, 1.075)
    expect(compareRuns(base, slower).verdict).toBe('fail')
    expect(compareRuns(base, slower, { strict: true }).verdict).toBe('inconclusive')
    expect(compareRuns(base, blocks(24, 101, 1.3), { strict: true }).verdict).toBe('fail')
  })

  it('is not red for what is certain but within the margin', () => {
    const copies = (factor: number): Run[] => Array.from({ length: 24 }, () => block(1, factor))
    expect(compareRuns(copies(1), copies(1.04)).verdict).toBe('pass')
    expect(compareRuns(copies(1), copies(1.06)).verdict).toBe('fail')
  })

  it('accepts a loss within a wider margin', () => {
    expect(compareRuns(base, blocks(24, 101, 1.1), { margin: 0.2 }).verdict).toBe('pass')
  })

  it('is the same however pairs are ordered', () => {
    const other = blocks(24, 101, 1.06)
    expect(compareRuns(base.toReversed(), other.toReversed()).rows.map(({ status }) => status)).toEqual(
      compareRuns(base, other).rows.map(({ status }) => status),
    )
  })
})

describe('too little to decide', () => {
  it.each([1, 2, 7])('%i pairs are inconclusive, however slow the candidate is, and say why', (count) => {
    const verdict = compareRuns(base.slice(0, count), blocks(count, 101, 3))
    expect(verdict.verdict).toBe('inconclusive')
    expect(verdict.rows[0]?.message).toContain(
      `${count} pair${count === 1 ? '' : 's'}, at least 8 are needed`,
    )
    expect(JSON.stringify(verdict)).not.toContain('null,null')
  })

  it('8 are enough for what is plain', () => {
    expect(compareRuns(base.slice(0, 8), blocks(8, 101, 1.5)).verdict).toBe('fail')
  })

  it('says how many more pairs would settle it', () => {
    const { baseline, candidate } = simulateDuet({ level: 'noisy', change: {}, pairs: 12, seconds: 2.5 }, 3)
    const verdict = compareRuns(baseline, candidate)
    expect(verdict.verdict).toBe('inconclusive')
    expect(
      verdict.rows.some(({ message }) =>
        /about \d+ more pairs? would settle it|no reasonable number of pairs/.test(message),
      ),
    ).toBe(true)
    for (const { message, needed } of verdict.rows) {
      const more = /about (\d+) more pairs? would settle it/.exec(message)?.[1]
      expect(needed).toBe(more === undefined ? undefined : 12 + Number(more))
    }
  })

  it('blocks of few requests leave p95 open, and say how many are needed', () => {
    const thin = (first: number): Run[] =>
      Array.from({ length: 24 }, (_, index) =>
        exampleRun(
          { a: countsOf(Array.from({ length: 20 }, (_, i) => 10 + ((i * 7 + first + index) % 13))) },
          { durationMs: 2500 },
        ),
      )
    const verdict = compareRuns(thin(1), thin(3))
    expect([verdict.verdict, row(verdict, 'p95Ms').status]).toEqual(['inconclusive', 'inconclusive'])
    expect(row(verdict, 'p95Ms').message).toContain('as few as 20 answers, 60 are needed')
  })
})

describe('runs that are no pairs', () => {
  it('are compared side against side, and need more to be red', () => {
    expect(compareRuns(base, blocks(30, 101)).verdict).toBe('pass')
    expect(compareRuns(base, blocks(30, 101, 1.2)).verdict).toBe('fail')
  })

  it('are red at a fifth of the level of pairs, and not above it', () => {
    const candidate = blocks(30, 101, 1.1)
    const pValue = Math.min(
      ...buildTestFamily(base, candidate, toRules({})).tested.map((test) => test.pWorse),
    )
    const decide = (alpha: number): string => compareRuns(base, candidate, { alpha }).verdict
    expect(pValue).toBeGreaterThan(0)
    expect(decide((0.99 * pValue) / unpairedAlphaShare)).not.toBe('fail')
    expect(decide((1.01 * pValue) / unpairedAlphaShare)).toBe('fail')
    expect(unpairedAlphaShare).toBe(0.2)
  })

  it('with fewer than 8 on a side are inconclusive', () => {
    const verdict = compareRuns(blocks(30, 1), blocks(5, 101, 2))
    expect([verdict.verdict, verdict.rows[0]?.message]).toEqual([
      'inconclusive',
      expect.stringContaining('5 runs on the smaller side'),
    ])
  })
})

describe('what must not be compared is invalid, with the reason', () => {
  const other = blocks(24, 101)
  const last = (run: Run): Run[] => [...other.slice(0, 23), run]
  const { 'task/list': list, ...withoutList } = block(1).endpoints
  const cases: [string, Run[], Run[], string][] = [
    ['no candidate', base, [], 'the candidate has no run'],
    ['another suite', base, blocks(24, 101, 1, { suite: 'checkout' }), 'runs of 2 suites (browse, checkout)'],
    [
      'another engine',
      base,
      blocks(24, 101, 1, { engine: 'autocannon' }),
      'runs of 2 engines (k6, autocannon)',
    ],
    [
      'another machine',
      base,
      blocks(24, 101, 1, { environment: { fingerprint: 'beef' } }),
      'runs of 2 environments',
    ],
    [
      'another rate',
      base,
      blocks(24, 101, 1, { load: { model: 'arrival-rate', ratePerSecond: 40 } }),
      'runs under loads of 20/s to 40/s',
    ],
    [
      'another number of connections',
      blocks(24, 1, 1, { load: { model: 'connections', connections: 10 } }),
      blocks(24, 101, 1, { load: { model: 'connections', connections: 20 } }),
      'runs under loads of 10 connections to 20 connections',
    ],
    [
      'another load model',
      base,
      blocks(24, 101, 1, { load: { model: 'connections', connections: 10 } }),
      'different load models (arrival-rate, connections)',
    ],
    [
      'another load of a script',
      blocks(24, 1, 1, { load: { model: 'connections', script: '2 virtual users for 5s' } }),
      blocks(24, 101, 1, { load: { model: 'connections', script: '4 virtual users for 5s' } }),
      'runs of scripts with other loads (2 virtual users for 5s, 4 virtual users for 5s)',
    ],
    [
      'a step on one side alone',
      base,
      other.map((run) => ({ ...run, endpoints: withoutList })),
      'task/list was requested by the baseline alone',
    ],
    [
      'a step that was never requested',
      base.map((run) => ({
        ...run,
        endpoints: {
          ...run.endpoints,
          'task/list': {
            ...run.endpoints['task/list'],
            ...list,
            requests: 0,
            errors: 0,
            errorRate: 0,
            histogram: [],
          },
        },
      })) as Run[],
      other,
      'task/list was requested by the candidate alone',
    ],
    [
      'an interrupted run',
      base,
      last({ ...block(7), interrupted: true }),
      'candidate run 24 (20260102-030405-006-browse-a1b2) was interrupted',
    ],
    [
      'an invalid run',
      base,
      last({ ...block(7), validity: { valid: false, reasons: ['k6 was killed'] } }),
      'is invalid: k6 was killed',
    ],
    ['an empty run', base, last(exampleRun({})), 'made no request'],
    ['seconds for milliseconds', base, blocks(24, 101, 0.001), 'another unit or another answer'],
  ]
  it.each(cases)('%s', (_, baseline, candidate, says) => {
    const verdict = compareRuns(baseline, candidate)
    expect(verdict.verdict).toBe('invalid')
    expect(verdict.rows.map(({ message }) => message).join('\n')).toContain(says)
  })

  it('records that say nothing of their origin are taken at their word', () => {
    const bare = (runs: Run[]): Pick<Run, 'schema' | 'totals' | 'endpoints'>[] =>
      runs.map(({ schema, totals, endpoints }) => ({ schema, totals, endpoints }))
    expect(compareRuns(bare(base), bare(other)).verdict).toBe('pass')
    expect(compareRuns(base, bare(other)).verdict).toBe('pass')
  })
})

describe('degenerate runs', () => {
  it('copies of one run have no spread: the same passes, a fifth slower fails', () => {
    const copies = (factor: number): Run[] => Array.from({ length: 10 }, () => block(1, factor))
    expect(compareRuns(copies(1), copies(1)).verdict).toBe('pass')
    expect(compareRuns(copies(1), copies(1.2)).verdict).toBe('fail')
  })

  it('latencies of zero and single buckets are compared without NaN', () => {
    const flat = (ms: number): Run[] =>
      Array.from({ length: 12 }, () => exampleRun({ a: countsOf(Array.from({ length: 400 }, () => ms)) }))
    for (const [b, c, expected] of [
      [0, 0, 'pass'],
      [5, 5, 'pass'],
      [5, 6, 'fail'],
    ] as const) {
      const verdict = compareRuns(flat(b), flat(c))
      expect(verdict.verdict).toBe(expected)
      expect(JSON.stringify(verdict)).not.toMatch(/NaN|Infinity|null,null/)
    }
  })

  it('whatever the runs are, the verdict is that of its rows, and figures are finite', () => {
    const step = fc.record({
      latencies: fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 80 }),
      failedAnswers: fc.nat(3),
      unanswered: fc.nat(3),
    })
    const run = fc.record({ a: step, b: step }).map(({ a, b }) =>
      exampleRun({
        a: countsOf(a.latencies, {
          unanswered: a.unanswered,
          failedAnswers: Math.min(a.failedAnswers, a.latencies.length),
        }),
        b: countsOf(b.latencies, { unanswered: b.unanswered }),
      }),
    )
    fc.assert(
      fc.property(fc.array(run, { maxLength: 12 }), fc.array(run, { maxLength: 12 }), (b, c) => {
        const verdict = compareRuns(b, c)
        expect(verdict.verdict).toBe(toVerdictWord(verdict.rows))
        for (const one of verdict.rows) {
          for (const value of [one.baseline, one.candidate, one.ratio, ...(one.ci ?? []), one.margin])
            expect(value === undefined || Number.isFinite(value)).toBe(true)
          expect(one.message).not.toMatch(/NaN|undefined|Infinity/)
        }
      }),
      { numRuns: 60 },
    )
  })
})
