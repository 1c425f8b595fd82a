import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countOf } from '../../../record/index.ts'
import { Recorder } from './recorder.ts'
import type { Recording } from './messages.ts'

/** What happens to one connection's requests, in the order of their ends. */
interface GivenRequest {
  user?: number
  from: number
  to: number
  fails?: 'timeout' | 'connect'
}

/** Plays requests against a window of time: time is data here. */
function record(
  window: { from: number; until: number },
  given: readonly GivenRequest[],
  users = 1,
): Recording {
  let now = 0
  const recorder = new Recorder(['home/get'], users, () => now)
  let phase: 'warmup' | 'measure' | 'over' = 'warmup'
  const advance = (to: number): void => {
    if (phase === 'warmup' && to >= window.from) {
      now = window.from
      recorder.begin()
      phase = 'measure'
    }
    if (phase === 'measure' && to >= window.until) {
      now = window.until
      recorder.end()
      phase = 'over'
    }
    now = to
  }
  for (const { user = 0, from, to, fails } of given.toSorted((a, b) => a.to - b.to)) {
    advance(to)
    const request = { user, stepIndex: 0, beganAt: from }
    if (fails) recorder.unanswered(request, { class: fails, problem: `it was ${fails}` }, undefined)
    else recorder.answered(request, to - from, undefined)
  }
  advance(Math.max(now, window.until))
  return recorder.finish()
}

const window = { from: 1000, until: 3000 }
const requestsOf = ({ endpoints }: Recording): number => endpoints['home/get']?.requests ?? 0

describe('a request counts', () => {
  test.each<[string, GivenRequest, number]>([
    ['when it begins and ends in the measured time', { from: 1100, to: 1200 }, 1],
    ['when it begins in it and ends later', { from: 2900, to: 4000 }, 1],
    ['not when it began in warm-up', { from: 900, to: 1100 }, 0],
    ['not when it is over before', { from: 100, to: 200 }, 0],
    ['not when it is a further step of a journey that is let end', { from: 3100, to: 3200 }, 0],
    [
      'when it was under way all the time through, for it is all there was',
      { from: 900, to: 3500, fails: 'timeout' },
      1,
    ],
  ])('%s', (_, given, expected) => {
    expect(requestsOf(record(window, [given]))).toBe(expected)
  })

  test('in the second it ended in, and seconds without any are points too', () => {
    const { timeline } = record(window, [
      { from: 1100, to: 1200 },
      { from: 2900, to: 4500, fails: 'timeout' },
    ])
    const hundred: unknown = expect.closeTo(100, 0)
    expect(timeline).toEqual([
      { atMs: 0, requests: 1, errors: 0, p50Ms: hundred, p95Ms: hundred, p99Ms: hundred },
      { atMs: 1000, requests: 0, errors: 0 },
      { atMs: 2000, requests: 0, errors: 0 },
      { atMs: 3000, requests: 1, errors: 1 },
    ])
  })

  test('as a failure with its class, its first moment and what it said', () => {
    const { failures, endpoints } = record(window, [
      { from: 1100, to: 1150 },
      { from: 1200, to: 1250, fails: 'connect' },
      { from: 1300, to: 1400, fails: 'connect' },
      { from: 1400, to: 2500, fails: 'timeout' },
    ])
    expect(failures).toEqual([
      { step: 'home/get', class: 'connect', count: 2, firstAtMs: 250, example: 'it was connect' },
      { step: 'home/get', class: 'timeout', count: 1, firstAtMs: 1500, example: 'it was timeout' },
    ])
    expect(endpoints['home/get']).toMatchObject({ requests: 4, errors: 3 })
    expect(countOf(endpoints['home/get']?.histogram ?? [])).toBe(1)
  })
})

describe('the time that was measured', () => {
  test('is the window when requests are short', () => {
    const given = Array.from({ length: 300 }, (_, index) => ({
      from: 995 + index * 7,
      to: 995 + index * 7 + 7,
    }))
    expect(record(window, given).durationMs).toBeGreaterThan(1990)
    expect(record(window, given).durationMs).toBeLessThan(2010)
  })

  test('is the window when nothing was sent', () => {
    expect(record(window, [], 2).durationMs).toBe(2000)
  })

  test(
    'reaches to the end of what outlasts the window, so that throughput does not exceed connections / ' +
      'latency',
    () => {
      const given = [0, 1].map((user) => ({ user, from: 1000, to: 10_000 }))
      const recorded = record(window, given, 2)
      expect(requestsOf(recorded) / (recorded.durationMs / 1000)).toBeCloseTo(2 / 9, 6)
    },
  )

  test("grows by one connection's share when only that one stalls at the end", () => {
    const given = [
      { user: 0, from: 2900, to: 12_900 },
      ...[1, 2, 3].map((user) => ({ user, from: 1000, to: 3000 })),
      { user: 0, from: 1000, to: 2900 },
    ]
    expect(record(window, given, 4).durationMs).toBeCloseTo(2000 + 9900 / 4, 6)
  })

  test("makes throughput what Little's law says, whatever the latencies", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 200 }),
        (latencies) => {
          // One connection, always busy from the beginning of warm-up.
          let at = 0
          const given: GivenRequest[] = []
          for (const ms of [...latencies, ...latencies.toReversed()]) {
            if (at < window.until) given.push({ from: at, to: at + ms })
            at += ms
          }
          fc.pre(at >= window.until)
          const recorded = record(window, given)
          const busy = recorded.endpoints['home/get']?.latencySumMs ?? 0
          // Of a request that spans the window, what lies before it is not in the duration.
          const before = given
            .filter(({ from, to }) => from < window.from && to >= window.until)
            .reduce((sum, { from }) => sum + window.from - from, 0)
          expect(busy - before).toBeCloseTo(recorded.durationMs, 6)
        },
      ),
    )
  })
})

test('failures keep the statuses and the first three ids of their answers, and ask for no more', () => {
  let now = 0
  const recorder = new Recorder(['home/get'], 1, () => now)
  recorder.begin()
  const asked: number[] = []
  for (const n of [1, 2, 3, 4, 5]) {
    now = n
    const requestId = (): string => {
      asked.push(n)
      return n === 2 ? 'id-1' : `id-${n}`
    }
    recorder.answered({ user: 0, stepIndex: 0, beganAt: n }, 1, {
      class: 'status',
      problem: 'p',
      status: n === 4 ? 503 : 500,
      requestId,
    })
  }
  recorder.end()
  expect(recorder.finish().failures).toEqual([
    {
      step: 'home/get',
      class: 'status',
      count: 5,
      firstAtMs: 1,
      example: 'p',
      statuses: [500, 503],
      requestIds: ['id-1', 'id-3', 'id-4'],
    },
  ])
  expect(asked).toEqual([1, 2, 3, 4])
})
