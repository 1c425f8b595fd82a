import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeHistograms, quantile } from '../../record/index.ts'
import type { Run } from '../../record/index.ts'
import { accept, runMaker } from '../../bench/detection-study/accepted.ts'
import { seeded } from '../../bench/detection-study/machine.ts'
import type { VerdictRow } from '../verdict.ts'
import type { AcceptedRun } from './baseline.ts'
import { estimateDifference, estimateSpread, numberSessions } from './sessions.ts'
import { compareWithBaseline } from './compare.ts'
import { toBaselineFigures } from './figures.ts'

const make = runMaker({ runNoise: 0.015, drift: 0.015 }, seeded(11))
const runs = Array.from({ length: 8 }, (_, index) => make(Math.floor(index / 2)))
const baseline = accept(undefined, runs)
const good = make(5)
function withoutTarget({ target: _target, ...run }: AcceptedRun): AcceptedRun {
  return run
}
const statuses = (rows: readonly VerdictRow[]): string[] =>
  [...new Set(rows.map(({ status }) => status))].toSorted()

describe('a run compared with accepted ones', () => {
  it('that is like them is not red, and says the smallest change it would have seen', () => {
    const rows = compareWithBaseline(baseline, good)
    expect(statuses(rows).filter((status) => status === 'fail')).toEqual([])
    expect(rows.every(({ suite }) => suite === 'browse')).toBe(true)
    expect(rows.find(({ metric }) => metric === 'p50Ms')?.message).toMatch(
      /^p50 \S+ ms of 8 accepted runs → \S+ ms: [+−]\S+ % \(.+ … .+\), margin 5 %; (could have missed slowdowns up to |not judged: too noisy to detect less than )/,
    )
  })

  it('that is slower is red with ratio, interval and levels that agree, and names the step', () => {
    const rows = compareWithBaseline(baseline, make(5, { step: { name: 'task/list', factor: 2 } }))
    const row = rows.find(({ metric, step }) => metric === 'p50Ms' && step === 'task/list')
    expect(row).toMatchObject({ status: 'fail', rule: 'baseline', margin: expect.closeTo(0.05, 9) as number })
    expect(row?.ratio).toBeGreaterThan(1.6)
    expect((row?.candidate ?? 0) / (row?.baseline ?? 1)).toBeCloseTo(row?.ratio ?? 0, 9)
    expect(row?.ci?.[0]).toBeLessThan(row?.ratio ?? 0)
    expect(
      rows.filter(({ step, status }) => step !== null && step !== 'task/list' && status === 'fail'),
    ).toEqual([])
  })

  it('with one more SQL statement in every third request is red by that, whatever the clock says', () => {
    const worse: Run = { ...good, server: { ...good.server, statementsPerRequest: 1.83 } }
    expect(
      compareWithBaseline(baseline, worse)
        .filter(({ status }) => status === 'fail')
        .map(({ metric }) => metric),
    ).toEqual(['statementsPerRequest'])
  })

  it('with many times the errors is red by them', () => {
    expect(
      compareWithBaseline(baseline, make(5, { errorRate: 0.02 }))
        .filter(({ status }) => status === 'fail')
        .map(({ metric }) => metric),
    ).toEqual(['errorRate'])
  })

  it('of another URL is compared, and a row names both; the port of a started service is none', () => {
    const started = { url: 'http://127.0.0.1:8000', started: true }
    const own = accept(
      undefined,
      runs.map((run) => ({ ...run, target: started })),
    )
    const other = (target: Run['target']): VerdictRow[] =>
      compareWithBaseline(own, { ...good, target }).filter(({ metric }) => metric === 'target')
    const message =
      'the accepted runs were measured at http://127.0.0.1 (started by vigil), this one at ' +
      'http://127.0.0.1:9000: a difference may be that of the two services'
    expect(other({ url: 'http://user:s3cret@127.0.0.1:9000/' })).toEqual([
      expect.objectContaining({ status: 'skipped', rule: 'baseline', message }),
    ])
    expect(other({ ...started, url: 'http://127.0.0.1:41234' })).toEqual([])
    const older = { ...baseline, runs: baseline.runs.map(withoutTarget) }
    expect(compareWithBaseline(older, { ...good, target: { url: 'http://h' } })).toEqual(
      compareWithBaseline(older, good),
    )
  })

  it('that is much faster is improved', () => {
    expect(
      compareWithBaseline(baseline, make(5, { all: 0.6 })).find(({ metric }) => metric === 'p50Ms')?.status,
    ).toBe('improved')
  })
})

describe('nothing is compared, and a row that decides nothing says so', () => {
  it.each([
    ['another environment', { environment: { fingerprint: 'other' } }, 'environment'],
    ['another load', { load: { model: 'arrival-rate', ratePerSecond: 200 } }, 'load'],
    ['another engine', { engine: 'autocannon' }, 'engine'],
  ] as [string, Partial<Run>, string][])('of %s', (_, changes, metric) => {
    const rows = compareWithBaseline(baseline, { ...good, ...changes })
    expect(rows.map((row) => [row.metric, row.status])).toEqual([[metric, 'skipped']])
  })

  it('with fewer than five accepted runs: it says how many are needed', () => {
    const rows = compareWithBaseline(accept(undefined, runs.slice(0, 2)), make(5, { all: 3 }))
    expect(rows).toMatchObject([
      {
        status: 'skipped',
        metric: 'runs',
        message: expect.stringContaining('2 accepted runs, 5 are needed') as string,
      },
    ])
  })

  it('of a step that only one side has; the others are compared', () => {
    const { 'export/csv': gone, ...endpoints } = good.endpoints
    if (!gone) throw new Error('the simulated service has no such step')
    const rows = compareWithBaseline(baseline, {
      ...good,
      endpoints,
      totals: {
        ...good.totals,
        requests: good.totals.requests - gone.requests,
        errors: good.totals.errors - gone.errors,
      },
    })
    expect(rows.filter(({ step }) => step !== null)).toMatchObject([
      { step: 'export/csv', status: 'skipped' },
    ])
    expect(rows.some(({ metric, step }) => metric === 'p50Ms' && step === null)).toBe(true)
  })

  it('of a run that measured nothing', () => {
    expect(compareWithBaseline(baseline, { ...good, interrupted: true })).toEqual([])
    expect(compareWithBaseline(baseline, { ...good, validity: { valid: false, reasons: [] } })).toEqual([])
  })
})

describe('the spread of runs', () => {
  const priors = { within: { deviation: 0.03, degrees: 4 }, between: { deviation: 0.04, degrees: 12 } }
  const at = (values: readonly number[], session: number): { value: number; session: number }[] =>
    values.map((value) => ({ value, session }))

  it('of one session is what is assumed of other ones', () => {
    expect(estimateSpread([[1, 1, 1, 1, 1]], priors).between).toEqual({
      variance: expect.closeTo(0.0016, 12) as number,
      degrees: 12,
    })
  })

  it('of a steady creep is hardly wider than of a standstill', () => {
    const creep = Array.from({ length: 12 }, (_, index) => [index * 0.02])
    expect(Math.sqrt(estimateSpread(creep, priors).between.variance)).toBeLessThan(0.04)
  })

  it('cancels in a session that both sides share, and is certain of nothing that was seen once', () => {
    const asked = { priors, sampling: 0, worse: 1 as const }
    const same = estimateDifference(
      at([0, 0.01, -0.01, 0, 0], 0),
      at([0.1], 0),
      at([0, 0.01, -0.01, 0, 0], 0),
      asked,
    )
    const other = estimateDifference(
      at([0, 0.01, -0.01, 0, 0], 0),
      at([0.1], 1),
      at([0, 0.01, -0.01, 0, 0], 0),
      asked,
    )
    expect(same.value).toBeCloseTo(0.1, 12)
    expect(other.standardError ** 2 - same.standardError ** 2).toBeCloseTo(2 * 0.0016, 12)
  })

  it('is never none: the error of a difference is over zero, whatever the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.nat(4)), {
          minLength: 5,
          maxLength: 15,
        }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (values, own) => {
          const dated = values.map(([value, session]) => ({ value, session }))
          const { value, standardError, degrees } = estimateDifference(
            dated,
            [{ value: own, session: 9 }],
            dated,
            {
              priors,
              sampling: 0,
              worse: 1,
            },
          )
          expect(standardError).toBeGreaterThan(0.03)
          expect(degrees).toBeGreaterThanOrEqual(4)
          expect(Number.isFinite(value)).toBe(true)
        },
      ),
    )
  })

  it('parts runs that began more than half an hour apart', () => {
    const minutes = [0, 5, 34, 65, 66, 400].map((minute) => minute * 60_000)
    expect(numberSessions(minutes)).toEqual([0, 0, 0, 1, 1, 2])
  })
})

it('the figures for pictures are medians over the accepted runs', () => {
  const figures = toBaselineFigures(baseline)
  expect(figures.runs).toEqual(runs.map(({ id }) => id))
  const sorted = runs.map(({ totals }) => totals.latency.p95Ms).toSorted((a, b) => a - b)
  expect(figures.overall.p95Ms).toBeCloseTo(((sorted[3] ?? 0) + (sorted[4] ?? 0)) / 2, 9)
  expect(Object.keys(figures.steps)).toHaveLength(6)
  expect(figures.band.length).toBeGreaterThan(20)
  for (const [index, { q, lowestMs, highestMs }] of figures.band.entries()) {
    const own = baseline.runs.map(({ endpoints }) =>
      quantile(mergeHistograms(Object.values(endpoints).map(({ histogram }) => histogram)), q),
    )
    expect([lowestMs, highestMs]).toEqual([Math.min(...own), Math.max(...own)])
    expect(q).toBeGreaterThan(figures.band[index - 1]?.q ?? -1)
  }
})
