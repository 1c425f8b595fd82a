import { describe, expect, it } from 'vitest'
import { toAddress } from '../../../journeys/index.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { findAccountProblem } from '../../shards/shards.ts'
import { toAccount, toMeasurement } from './measurement.ts'
import { toCounts } from './summary.ts'
import { exampleSummary, trendOf } from './testing/summaries.ts'

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

describe('the account of a k6', () => {
  const two = { ...plan, warmupMs: 0, journeys: ['home', 'buy'], steps: ['home/get', 'buy/cart', 'buy/pay'] }
  const step = (requests: number, failed = 0) => ({
    latency: trendOf(Array.from({ length: requests }, () => 5)),
    unanswered: 0,
    failed: failed > 0 ? { status: failed } : {},
  })
  /** Six journeys `home`, and four `buy` of which one fails at its first step and one at its second. */
  const accountOf = (iterations: number) =>
    toAccount(
      two,
      toCounts(
        exampleSummary({
          dropped: 2,
          iterations: trendOf(Array.from({ length: iterations }, () => 9)),
          steps: [step(6), step(4, 1), step(3, 1)],
        }),
      ),
    )

  it('counts journeys by their first step, and as failed by the request that ended them', () => {
    expect(accountOf(10)).toEqual({ offered: 12, answered: 8, failed: 2, dropped: 2 })
    expect(findAccountProblem(accountOf(10))).toBeUndefined()
  })

  it.each([9, 11])('does not add up when k6 began %i of ten', (iterations) => {
    expect(findAccountProblem(accountOf(iterations))).toMatch(/^lost count of 1 journeys: offered /)
  })
})
