import { expect, it } from 'vitest'
import { toAddress } from '../../../journeys/index.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { toMeasurement } from './measurement.ts'
import { toCounts } from './summary.ts'
import { exampleSummary } from './testing/summaries.ts'

/** 10 journeys/s, 10 s of warm-up and 10 s measured. */
const plan: LoadScriptPlan = {
  kind: 'load',
  nonce: 'a-nonce',
  secrets: [],
  journeys: ['home'],
  cycle: [0],
  ratePerSecond: 10,
  warmupMs: 10_000,
  durationMs: 10_000,
  requestTimeoutMs: 1000,
  users: 1,
  preAllocated: 1,
  maxUsers: 10,
  contextsFile: undefined,
  target: { address: toAddress('http://127.0.0.1:8000'), ip: undefined, run: 'r1' },
  steps: ['home/get'],
  sampleEvery: 1,
  summaryFile: '/summary.json',
}
const observed = {
  startedAt: '2026-11-29T10:00:00.000Z',
  durationMs: 10_000,
  interrupted: false,
  timeline: [],
  firstDroppedMs: undefined,
  cpu: undefined,
}

// k6 does not say when it dropped an arrival: 100 were due in the warm-up, and those that did not begin there
// were dropped there.
it.each([
  [60, 50, 10],
  [60, 40, 0],
  [60, 30, 0],
  [100, 50, 50],
  [110, 50, 50],
])('after a warm-up that began %i of 100, %i dropped are %i while measured', (warmups, dropped, expected) => {
  const summary = exampleSummary({ warmups, dropped })
  const measured = toMeasurement(plan, toCounts(summary), { firstFailure: () => undefined }, observed)
  expect(measured.droppedArrivals).toBe(expected)
})
