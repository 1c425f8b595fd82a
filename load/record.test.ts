import { expect, it } from 'vitest'
import type { LoadPlan, Measurement } from './engine.ts'
import { toEmptyRecord, toRecord, toRefusalRecord } from './record.ts'

const plan: LoadPlan = {
  run: 'r1',
  suite: 'browse',
  targetUrl: 'http://127.0.0.1:8000',
  secrets: {},
  source: { kind: 'journeys', module: '/journeys.ts', mix: [{ journey: 'home', weight: 1 }] },
  load: { model: 'arrival-rate', ratePerSecond: 10 },
  warmupMs: 0,
  durationMs: 10_000,
  requestTimeoutMs: 1000,
}
const facts = {
  engine: 'k6',
  target: { url: plan.targetUrl },
  environment: { fingerprint: 'f' },
  startedAt: '2026-11-29T10:00:00.000Z',
}
const measurement: Measurement = {
  startedAt: facts.startedAt,
  durationMs: 10_000,
  endpoints: { 'home/get': { requests: 100, errors: 0, histogram: [[5, 100]], latencySumMs: 500 } },
  droppedArrivals: 0,
  failures: [],
  timeline: [],
  generator: {},
  saturation: [],
  interrupted: false,
}
const unreached = { 'home/get': { requests: 0, errors: 0, histogram: [], latencySumMs: 0 } }

it('the record of a measurement is valid, and gives no reason', () => {
  expect(toRecord(plan, measurement, {}, facts).validity).toEqual({ valid: true, reasons: [] })
})

it.each<[string, Partial<Measurement>, string, RegExp]>([
  ['nothing', { endpoints: unreached }, 'nothing-measured', /^no request was made/],
  ['a saturated generator', { saturation: ['all cores busy'] }, 'generator-saturated', /^all cores busy$/],
  ['an interrupted load', { interrupted: true }, 'interrupted', /^interrupted after 10\.0 s/],
])('the record of %s is invalid, with the code and the reason', (_what, changes, code, reason) => {
  const { validity } = toRecord(plan, { ...measurement, ...changes }, {}, facts)
  expect(validity).toEqual({ valid: false, reasons: [expect.stringMatching(reason)], codes: [code] })
})

it('dropped arrivals alone are measured: the target did not answer what was due', () => {
  const run = toRecord(plan, { ...measurement, endpoints: unreached, droppedArrivals: 100 }, {}, facts)
  expect([run.validity.valid, run.totals.errors, run.totals.requests]).toEqual([true, 100, 100])
})

it('a load that never began is invalid with its reason', () => {
  const run = toEmptyRecord(plan, { code: 'tool-missing', reason: 'k6 is not on this machine' }, false, facts)
  expect(run.validity).toEqual({
    valid: false,
    reasons: ['k6 is not on this machine'],
    codes: ['tool-missing'],
  })
})

it.each([
  ['connect', false],
  ['timeout', false],
  ['status', true],
  ['check', true],
] as const)('a target whose first step failed by %s was measured: %j', (kind, valid) => {
  const run = toRefusalRecord(plan, { step: 'home/login', class: kind, message: 'no' }, facts)
  expect([run.validity.valid, run.totals.errors]).toEqual([valid, valid ? 1 : 0])
})
