import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Latencies } from '../../latencies.ts'
import type { ProcessResult } from './messages.ts'
import { mergeResults, toRequestAccount } from './shards-merge.ts'

const work = { cpuRatio: 0.1, busyRatio: 0.2, starvedRatio: 0, eventLoopP99Ms: 1 }

function resultOf(latenciesMs: readonly number[], more: Partial<ProcessResult> = {}): ProcessResult {
  const latencies = new Latencies()
  for (const ms of latenciesMs) latencies.add(ms)
  return {
    nonce: 'n',
    startedAt: '2026-11-29T10:00:00.000Z',
    durationMs: 1000,
    offered: latenciesMs.length,
    endpoints: {
      'home/get': {
        requests: latenciesMs.length,
        errors: 0,
        histogram: latencies.histogram(),
        latencySumMs: latencies.sumMs,
      },
    },
    connections: { histogram: [], timeSumMs: 0 },
    failures: [],
    timeline: [],
    own: {},
    latencyP99Ms: 0,
    work,
    ...more,
  }
}

const samples = fc.array(
  fc.integer({ min: 1, max: 60_000_000 }).map((micros) => micros / 1000),
  { maxLength: 100 },
)

describe('what several processes counted', () => {
  it('is added to what one process would have counted, in any order', () => {
    fc.assert(
      fc.property(samples, samples, samples, (a, b, c) => {
        const shared = [a, b, c].map((ms) => ({ result: resultOf(ms), connections: 1 }))
        const [first, second, third] = shared
        if (first === undefined || second === undefined || third === undefined) throw new Error('three')
        const whole = resultOf([...a, ...b, ...c]).endpoints['home/get']
        for (const order of [mergeResults([first, second, third]), mergeResults([third, first, second])]) {
          const step = order.endpoints['home/get']
          expect(step?.histogram).toEqual(whole?.histogram)
          expect(step?.requests).toBe(whole?.requests)
          expect(step?.latencySumMs).toBeCloseTo(whole?.latencySumMs ?? 0, 6)
        }
      }),
    )
  })

  it('has the mean duration of all connections, the busiest process, and no percentiles by second', () => {
    const point = { atMs: 0, requests: 3, errors: 1, p95Ms: 5 }
    const failure = { step: 'home/get', class: 'status' as const, count: 2, firstAtMs: 9, example: 'b' }
    const merged = mergeResults([
      { result: resultOf([1], { durationMs: 1000, timeline: [point], failures: [failure] }), connections: 1 },
      {
        result: resultOf([2], {
          durationMs: 2000,
          timeline: [point, { ...point, atMs: 1000 }],
          failures: [{ ...failure, firstAtMs: 4, example: 'a', statuses: [500] }],
          work: { ...work, cpuRatio: 0.99 },
          own: { EMFILE: 3 },
        }),
        connections: 3,
      },
    ])
    expect(merged).toMatchObject({
      durationMs: 1750,
      work: { cpuRatio: 0.99, busyRatio: 0.2 },
      own: { EMFILE: 3 },
      failures: [{ count: 4, firstAtMs: 4, example: 'a', statuses: [500] }],
    })
    expect(merged.timeline).toEqual([
      { atMs: 0, requests: 6, errors: 2 },
      { atMs: 1000, requests: 3, errors: 1 },
    ])
  })

  it('is accounted for by request', () => {
    expect(toRequestAccount(resultOf([1, 2, 3], { offered: 4 }))).toEqual({
      offered: 4,
      answered: 3,
      failed: 0,
      dropped: 0,
    })
  })
})
