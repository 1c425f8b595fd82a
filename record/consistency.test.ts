import { expect, it } from 'vitest'
import { findContradiction } from './histogram.ts'
import type { Histogram, Run } from './index.ts'
import { countsOf, exampleRun, spread } from './testing/examples/runs.ts'

const dropped = 3
const whole = exampleRun(
  {
    'shop/list': countsOf(spread(400, 1, 40)),
    'shop/buy': countsOf(spread(400, 2, 60), { failedAnswers: 3, unanswered: 1 }),
  },
  {},
  dropped,
)

function changed(path: readonly (string | number)[], change: (value: number) => unknown): Run {
  const copy = structuredClone(whole)
  let at: unknown = copy
  for (const key of path.slice(0, -1)) at = Reflect.get(Object(at), key)
  const last = path.at(-1) ?? ''
  Reflect.set(Object(at), last, change(Number(Reflect.get(Object(at), last))))
  return copy
}

it.each([
  ['a whole record', whole],
  ['a record without requests', exampleRun({})],
  ['a run in which nothing was answered', exampleRun({ 'a/b': countsOf([], { unanswered: 40 }) })],
  ['a record of another tool, without a generator', { ...whole, generator: undefined } as unknown as Run],
  [
    'a record of another tool, which left out failed requests',
    exampleRun({ 'a/b': { ...countsOf(spread(400, 1, 40), { unanswered: 9 }), errors: 12 } }),
  ],
  // k6 gives quantiles: a bucket for each, and a mean of its own.
  [
    'a record made from quantiles',
    exampleRun({
      'a/b': {
        requests: 4000,
        errors: 0,
        histogram: Array.from({ length: 1000 }, (_, n) => [5 + n / 100, 4] as const),
        latencySumMs: 4000 * 9.99,
      },
    }),
  ],
])('%s does not contradict itself', (_, run) => {
  expect(findContradiction(run)).toBeUndefined()
})

const step = ['endpoints', 'shop/list'] as const
it.each([
  ['totals.requests: ', changed(['totals', 'requests'], (count) => count * 10)],
  ['totals.requests: ', changed(['totals', 'requests'], (count) => count + 1)],
  ['totals.requests: ', changed(['generator', 'droppedArrivals'], () => 2)],
  ['totals.errors: ', changed(['totals', 'errors'], (count) => count + 1)],
  ['totals.throughputRps: ', changed(['totals', 'throughputRps'], (rate) => rate * 1.1)],
  ['endpoints["shop/list"].throughputRps: ', changed(['durationMs'], (ms) => ms * 2)],
  ['totals.latency.p95Ms: ', changed(['totals', 'latency', 'p95Ms'], (ms) => ms - 1)],
  ['totals.latency.p50Ms: ', changed(['totals', 'latency', 'p50Ms'], (ms) => ms / 2)],
  ['totals.latency.maxMs: ', changed(['totals', 'latency', 'maxMs'], (ms) => ms + 1)],
  ['totals.latency.meanMs: ', changed(['totals', 'latency', 'meanMs'], (ms) => ms / 10)],
  ['endpoints["shop/list"].latency.p99Ms: ', changed([...step, 'latency', 'p99Ms'], (ms) => ms + 1)],
  ['endpoints["shop/list"].requests: ', changed([...step, 'requests'], (count) => count + 1)],
  ['endpoints["shop/list"].requests: ', changed([...step, 'histogram', 0, 1], () => 100)],
])('%s is named where it is not what the histograms say', (named, run) => {
  expect(findContradiction(run)).toMatch(new RegExp(`^${named.replaceAll(/[[\]().]/g, '\\$&')}found `))
})

it('a maximum that is known exactly lies within the last bucket', () => {
  const wide: Histogram = [
    [10, 90],
    [50, 10],
  ]
  const run = exampleRun({ 'a/b': { requests: 100, errors: 0, histogram: wide, latencySumMs: 900 } })
  const withMax = (maxMs: number): Run => {
    const copy = structuredClone(run)
    copy.totals.latency.maxMs = maxMs
    return copy
  }
  expect([43, 50].map((ms) => findContradiction(withMax(ms)))).toEqual([undefined, undefined])
  expect([9, 51].map((ms) => findContradiction(withMax(ms)))).toEqual(
    Array.from({ length: 2 }, () => expect.stringContaining('expected 10 to 50 by the histogram')),
  )
})
