import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeExactCounts, mergeTallies } from '../../baselines/exact/index.ts'
import type { Journey } from '../../journeys/index.ts'
import { parseRun } from '../../record/documents/index.ts'
import type { PlayedJourney, PlayedStep } from '../engines/k6/k6-runtime/wire.ts'
import { countExactly, isCutShort } from './answers.ts'
import { buildUnitRecord, mergeUnitRecords } from './unit-records.ts'
import type { SideFacts } from './unit-records.ts'
import type { Unit } from './units.ts'

const get = (name: string): Journey['steps'][number] => ({
  name,
  request: () => ({ method: 'GET', path: '/' }),
})
const journeys: Journey[] = [{ name: 'visit', steps: [get('list'), get('read')] }]
const facts: SideFacts = {
  suite: 's-duet',
  target: { url: 'http://127.0.0.1:1' },
  environment: { fingerprint: 'here' },
  ratePerSecond: 20,
}

const answer = (latencyMs: number, statements: number, failure = 0): PlayedStep => [
  latencyMs,
  failure,
  100,
  `app;dur=0.5, db;dur=1.5, sql;desc="${statements}"`,
]
const traced = (latencyMs: number, traceId: string): PlayedStep => [latencyMs, 0, 100, '', traceId]
const played = (arrival: number, ...steps: PlayedStep[]): PlayedJourney => [arrival, 0, 0, 10, steps]
const unit: Unit = {
  index: 0,
  pairs: [
    { baseline: played(0, answer(1, 1), answer(2, 1)), candidate: played(1, answer(3, 2), answer(4, 1)) },
    { baseline: played(2, answer(5, 1), [-1, 4, -1, '']), candidate: played(3, answer(7, 2, 6)) },
  ],
}
const startedAt = '2026-01-01T00:00:00.000Z'
const buildRecord = (side: 'baseline' | 'candidate') =>
  buildUnitRecord(side, unit, journeys, facts, { id: `run-${side}`, startedAt }, { cpuMsPerRequest: 0.7 })

describe('a unit of a duet', () => {
  it.each(['baseline', 'candidate'] as const)(
    'is a complete record of the %s that any reader accepts',
    (side) => {
      expect(parseRun(JSON.stringify(buildRecord(side)), 'unit')).toMatchObject({
        state: 'ok',
        run: { suite: 's-duet', engine: 'k6-duet', durationMs: 100 },
      })
    },
  )

  it('counts by step the requests that were answered, failed or never answered', () => {
    expect(buildRecord('baseline')).toMatchObject({
      totals: { requests: 4, errors: 1, throughputRps: 30 },
      endpoints: {
        'visit/list': { requests: 2, errors: 0, latency: { maxMs: 5 } },
        'visit/read': { requests: 2, errors: 1, histogram: [[2, 1]] },
      },
      failures: [{ step: 'visit/read', class: 'timeout', count: 1 }],
      server: { cpuMsPerRequest: 0.7, dbMsPerRequest: 1.5, statementsPerRequest: 1 },
    })
    expect(buildRecord('candidate').endpoints['visit/list']).toMatchObject({
      requests: 2,
      errors: 1,
      server: { answers: 2, statements: 2, dbMs: 1.5 },
    })
  })

  it('compares counts pair by pair, where both sides answered as expected', () => {
    const tallies = countExactly(unit, journeys)
    expect(tallies['visit/list']?.statements).toEqual({
      pairs: 1,
      up: 1,
      down: 0,
      baseline: 1,
      candidate: 2,
      units: 1,
      unitsUp: 1,
      unitsDown: 0,
    })
    expect(tallies['visit/read']?.statements).toEqual({
      pairs: 1,
      up: 0,
      down: 0,
      baseline: 1,
      candidate: 1,
      units: 1,
      unitsUp: 0,
      unitsDown: 0,
    })
    expect(judgeExactCounts(mergeTallies(Array.from({ length: 20 }, () => tallies)))).toContainEqual(
      expect.objectContaining({ step: 'visit/list', metric: 'statements', status: 'fail' }),
    )
  })

  it('leaves out users whose data differs between the sides for another reason', () => {
    expect(countExactly(unit, journeys, ({ candidate }) => isCutShort(candidate))).toEqual(
      countExactly({ ...unit, pairs: unit.pairs.slice(0, 1) }, journeys),
    )
    expect(countExactly(unit, journeys, () => true)).toEqual({})
  })

  it('keeps the slowest answers of a step whose traces were recorded', () => {
    const ids = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(32))
    const pairs = ids.map((id, index) => ({
      baseline: played(2 * index, answer(9, 1)),
      candidate: played(2 * index + 1, traced(index + 1, id), answer(50, 1)),
    }))
    const { endpoints } = buildUnitRecord(
      'candidate',
      { index: 0, pairs },
      journeys,
      facts,
      { id: 'run', startedAt },
      {},
    )
    expect(endpoints['visit/list']?.slowest).toEqual([
      { traceId: ids[3], latencyMs: 4 },
      { traceId: ids[2], latencyMs: 3 },
      { traceId: ids[1], latencyMs: 2 },
    ])
    expect(endpoints['visit/read']).not.toHaveProperty('slowest')
  })

  it('merges with others into one record of the side', () => {
    const merged = mergeUnitRecords([buildRecord('baseline'), buildRecord('baseline')], 'all', {
      reasons: [],
      interrupted: false,
    })
    expect(merged).toMatchObject({
      id: 'all',
      durationMs: 200,
      totals: { requests: 8, errors: 2, throughputRps: 30 },
      server: { cpuMsPerRequest: 0.7 },
      validity: { valid: true },
    })
    expect(parseRun(JSON.stringify(merged), 'merged').state).toBe('ok')
    expect(mergeUnitRecords([], 'none', { reasons: [], interrupted: false })).toBeUndefined()
  })

  const silent: PlayedStep = [-1, 4, -1, '']
  const toUnit = (index: number, steps: PlayedStep[][]): Unit => ({
    index,
    pairs: steps.map((of) => ({ baseline: played(0, ...of), candidate: played(1, ...of) })),
  })
  const recordOf = (of: Unit) =>
    buildUnitRecord('baseline', of, journeys, facts, { id: 'run', startedAt }, {})

  it('keeps a mean of 10 ms when half of the requests got no answer', () => {
    const half = recordOf(toUnit(0, [[answer(10, 1)], [silent]]))
    const merged = mergeUnitRecords([half, half], 'all', { reasons: [], interrupted: false })
    expect(merged?.totals).toMatchObject({ requests: 4, errors: 2, latency: { meanMs: 10, maxMs: 10 } })
    expect(merged?.endpoints['visit/list']?.latency).toMatchObject({ meanMs: 10, p50Ms: 10, maxMs: 10 })
  })

  it('merges to what one record of all samples is, and no mean exceeds its maximum', () => {
    const latency = fc.double({ min: 0, max: 20_000, noNaN: true })
    const step = fc.oneof(
      latency.map((ms) => answer(ms, 1)),
      fc.constant(silent),
    )
    const units = fc.array(fc.array(fc.array(step, { minLength: 1, maxLength: 2 }), { minLength: 1 }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(units, (all) => {
        const records = all.map((steps, index) => recordOf(toUnit(index, steps)))
        const merged = mergeUnitRecords(records, 'all', { reasons: [], interrupted: false })
        const pooled = recordOf(toUnit(0, all.flat()))
        const pairs = [
          [merged?.totals, pooled.totals],
          ...Object.keys(pooled.endpoints).map((key) => [merged?.endpoints[key], pooled.endpoints[key]]),
        ] as const
        for (const [one, other] of pairs) {
          const mean = expect.closeTo(other?.latency.meanMs ?? 0, 2)
          const throughput = expect.closeTo(other?.throughputRps ?? 0, 6)
          const { server: _server, ...figures } = { server: undefined, ...other }
          expect(one).toEqual({
            ...figures,
            throughputRps: throughput,
            latency: { ...other?.latency, meanMs: mean },
          })
          expect(one?.latency.meanMs).toBeLessThanOrEqual(one?.latency.maxMs ?? 0)
        }
      }),
    )
  })
})
