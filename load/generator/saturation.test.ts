import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findThrottlingReason, saturationReasons, throughputIsLowerBound } from './saturation.ts'
import type { GeneratorFacts } from './saturation.ts'

/** CPU, time without a core, event loop p99 and latency p99 in ms. */
function facts(
  cpuRatio: number,
  starvedRatio: number,
  eventLoopP99Ms: number,
  latencyP99Ms: number,
  own: Record<string, number> = {},
): GeneratorFacts {
  return { work: { cpuRatio, busyRatio: cpuRatio, starvedRatio, eventLoopP99Ms }, latencyP99Ms, own }
}

describe('the target is measured', () => {
  test.each([
    ['a slow one: the generator waits for it', facts(0.05, 0.01, 1.1, 700)],
    ['a trivial one with a few connections', facts(0.73, 0.1, 1.3, 0.8)],
    ['a very fast one: at the limit of the core, with latencies of its own', facts(0.99, 0.01, 1.5, 0.9)],
    ['a fast one with a collection of garbage now and then', facts(0.98, 0.01, 14, 1.1)],
    ['one with many connections that is itself what they queue for', facts(0.97, 0.02, 12, 90)],
    // Seen on two cores at load averages of 11 and 20: vigil, the target, and other people's builds.
    ['a trivial one on a crowded machine', facts(0.22, 0.25, 24, 5.4)],
    ['a trivial one on a very crowded machine', facts(0.13, 0.55, 35, 14)],
    ['a slow one on a crowded machine', facts(0.04, 0.3, 70, 700)],
  ])('%s', (_, given) => {
    expect(saturationReasons(given)).toEqual([])
  })
})

describe('the generator was the limit', () => {
  test.each([
    [
      'overloaded by hundreds of connections',
      facts(0.99, 0.01, 21, 24),
      /overloaded: it used 99 % of its core, .* 21 ms \(p99\) .* \(p99 24 ms\); use fewer connections/,
    ],
    [
      'with a CPU quota of a fifth',
      facts(0.2, 0.78, 81, 85),
      /starved of CPU: it could have run and had no core 78 % of the time, and stood still for up to 81 ms/,
    ],
    ['with a quota, though most latencies look well', facts(0.2, 0.78, 81, 2), /starved of CPU/],
    [
      'without file descriptors',
      facts(0.1, 0.02, 1, 1, { EMFILE: 40 }),
      /could not make 40 requests \(EMFILE\): .*ulimit -n/,
    ],
    [
      'without local ports',
      facts(0.1, 0.02, 1, 1, { EADDRNOTAVAIL: 1 }),
      /could not make 1 request \(EADDRNOTAVAIL\): no local port/,
    ],
    ['without another resource', facts(0.1, 0.02, 1, 1, { ENOBUFS: 2 }), /\(ENOBUFS\): this machine lacks/],
  ])('%s', (_, given, said) => {
    expect(saturationReasons(given)).toEqual([expect.stringMatching(said)])
  })
})

test.each([
  ['none', undefined, false],
  ['stops in 5 % of the periods', { quotaCores: 0.3, periodsRatio: 0.05, stoppedRatio: 0.5 }, false],
  ['stops in more', { quotaCores: 0.3, periodsRatio: 0.051, stoppedRatio: 0.5 }, true],
  ['many stops that are short', { quotaCores: 4, periodsRatio: 0.5, stoppedRatio: 0.05 }, false],
  ['many stops that are longer', { quotaCores: 4, periodsRatio: 0.5, stoppedRatio: 0.051 }, true],
])('a quota with %s', (_, throttling, isReason) => {
  const reason = findThrottlingReason(throttling)
  expect(reason !== undefined).toBe(isReason)
  if (isReason) expect(reason).toMatch(/starved of CPU: its quota of (0\.3|4) cores was used up in 5\d? %/)
  const work = { ...facts(0.2, 0.1, 1, 1).work, ...(throttling && { throttling }) }
  expect(saturationReasons({ work, latencyP99Ms: 1, own: {} })).toHaveLength(isReason ? 1 : 0)
})

test('a thread that neither filled its core nor lacked one is never to blame', () => {
  const ms = fc.double({ min: 0, max: 60_000, noNaN: true })
  const half = fc.double({ min: 0, max: 0.5, noNaN: true })
  fc.assert(
    fc.property(half, half, ms, ms, (a, b, loop, latency) => {
      expect(saturationReasons(facts(a, b, loop, latency))).toEqual([])
    }),
    { examples: [[0.5, 0.5, 50, 0]] },
  )
})

test('throughput is a lower bound when the core was full', () => {
  expect(
    throughputIsLowerBound({ cpuRatio: 0.97, busyRatio: 0.99, starvedRatio: 0, eventLoopP99Ms: 1 }),
  ).toBe(true)
  expect(
    throughputIsLowerBound({ cpuRatio: 0.8, busyRatio: 0.99, starvedRatio: 0.1, eventLoopP99Ms: 1 }),
  ).toBe(false)
})
