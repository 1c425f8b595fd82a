import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Journey } from '../../../journeys/index.ts'
import type { Histogram } from '../../../record/index.ts'
import { countVirtualUsers, findSaturation, latenessP95 } from './generator.ts'
import type { GeneratorFacts } from './generator.ts'

/** 10 s at 100 journeys/s to a target that answers in 20 ms, with 50 virtual users. */
const unloaded: GeneratorFacts = {
  cpu: { cpuRatio: 0.3, machineIdle: 0.4 },
  lateness: [
    [1, 190],
    [12, 10],
  ],
  waits: [[20, 1000]],
  refusedShare: 0,
  iterations: [[20, 1000]],
  slowIterationMs: 100,
  expectedArrivals: 1000,
  arrivals: 1000,
  dropped: 0,
  users: 50,
  durationMs: 10_000,
  limits: { files: 0, ports: 0 },
}

/** `begun` iterations of one length; the rest of the thousand arrivals was dropped. */
function droppedAfter(begun: number, ms: number): Partial<GeneratorFacts> {
  return { iterations: [[ms, begun]], waits: [[ms, begun]], dropped: 1000 - begun }
}

describe('the target was the limit, and the run is valid', () => {
  it.each<[string, Partial<GeneratorFacts>]>([
    ['when nothing went wrong', {}],
    [
      'when it answers slowly and there were enough virtual users',
      { waits: [[3000, 1000]], iterations: [[3000, 1000]], users: 300 },
    ],
    ['when it is so slow that users ran out', droppedAfter(500, 1000)],
    ['when it never answers: all run into their time limit', droppedAfter(50, 10_000)],
    [
      'when it stalled for two seconds and answered fast before and after',
      {
        iterations: [
          [20, 800],
          [2000, 50],
        ],
        dropped: 150,
      },
    ],
    [
      'when it was killed: refusing is fast, and nothing is dropped',
      {
        waits: [[20, 500]],
        iterations: [
          [0.5, 500],
          [20, 500],
        ],
      },
    ],
    [
      'when it never answers on a machine that stops now and then',
      {
        ...droppedAfter(50, 10_000),
        lateness: [
          [1, 150],
          [400, 2],
        ],
      },
    ],
    [
      'when it refused every second request on a machine that stops all the time',
      { refusedShare: 0.5, lateness: [[400, 20]] },
    ],
    [
      "when it used up the machine's CPU and k6 needed little",
      { ...droppedAfter(500, 1000), cpu: { cpuRatio: 0.2, machineIdle: 0 } },
    ],
    ['when both used up the CPU and still kept up', { cpu: { cpuRatio: 0.5, machineIdle: 0.01 } }],
    [
      'when k6 was a little late, as on any shared machine',
      {
        lateness: [
          [5, 150],
          [150, 20],
        ],
      },
    ],
    [
      'when k6 was late by much less than the target is slow',
      { lateness: [[300, 30]], waits: [[2000, 1000]], iterations: [[2000, 1000]], users: 300 },
    ],
    ['when one arrival in a thousand came after the end', { arrivals: 999 }],
    ['when the system does not report CPU time', { cpu: undefined }],
    [
      'when no arrivals were expected',
      { expectedArrivals: 0, arrivals: 0, iterations: [], waits: [], lateness: [] },
    ],
  ])('%s', (_, changes) => {
    expect(findSaturation({ ...unloaded, ...changes })).toEqual([])
  })
})

describe('the generator was the limit, and it is named', () => {
  it.each<[string, Partial<GeneratorFacts>, RegExp]>([
    ['CPU at its limit', { cpu: { cpuRatio: 0.97, machineIdle: 0 } }, /^k6 used 97 % of the CPU/],
    [
      'CPU used up together with the target',
      { ...droppedAfter(500, 1000), cpu: { cpuRatio: 0.55, machineIdle: 0.01 } },
      /^k6 used 55 % of this machine's CPU, which was fully used/,
    ],
    ['kept from running', { lateness: [[400, 100]] }, /^k6 was starved of CPU: its clock was 400 ms late/],
    [
      'stopped long enough to drop what came meanwhile',
      {
        lateness: [
          [1, 150],
          [900, 1],
        ],
        iterations: [[20, 950]],
        dropped: 50,
      },
      /starved of CPU: its clock was 900 ms late/,
    ],
    [
      'too slow to begin what was due',
      { arrivals: 700, expectedArrivals: 1000 },
      /could not keep up with the rate: it began 70\.0 of 100\.0 journeys\/s/,
    ],
    [
      'a little too slow to begin what was due',
      { arrivals: 970, expectedArrivals: 1000 },
      /it began 97\.0 of 100\.0 journeys\/s/,
    ],
    [
      'few users for a fast target',
      droppedAfter(500, 20),
      /^k6 dropped 500 arrivals: all of its 50 virtual users were busy although the target answered quickly/,
    ],
    [
      'a single slow answer does not excuse few users',
      {
        iterations: [
          [20, 499],
          [1500, 1],
        ],
        dropped: 500,
      },
      /were busy although the target answered quickly/,
    ],
    [
      'no file descriptors',
      { limits: { files: 7, ports: 0 } },
      /no file descriptor left for 7 requests.*ulimit -n/,
    ],
    ['no ports', { limits: { files: 0, ports: 7 } }, /no local port left for 7 requests/],
  ])('%s', (_, changes, expected) => {
    expect(findSaturation({ ...unloaded, ...changes }).join('\n')).toMatch(expected)
  })
})

it('lateness is weighted by the time that requests met it', () => {
  const oneStop: Histogram = [
    [1, 100],
    [2000, 1],
  ]
  expect(latenessP95(oneStop)).toBe(2000)
  expect(
    latenessP95([
      [1, 1000],
      [100, 1],
    ]),
  ).toBe(1)
})

function journey(steps: number, before = 0): Journey {
  const some = (count: number): Journey['steps'] =>
    Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      request: () => ({ method: 'GET', path: '/' }),
    }))
  return { name: 'j', before: some(before), steps: some(steps) }
}

const roomy = { requestTimeoutMs: 10_000, freeBytes: 16e9 }

describe('virtual users', () => {
  it('suffice at first for half a second a request, and at most for a time limit', () => {
    expect(countVirtualUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6)] })).toMatchObject({
      preAllocated: 60,
      maxUsers: 320,
    })
  })

  it('are all different users, unless each has to be prepared', () => {
    expect(countVirtualUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6)] }).users).toBe(320)
    expect(countVirtualUsers({ ...roomy, ratePerSecond: 20, journeys: [journey(6, 2)] }).users).toBe(12)
    expect(countVirtualUsers({ ...roomy, ratePerSecond: 5000, journeys: [journey(6, 2)] }).users).toBe(50)
  })

  it('are bounded by memory and by 400, and never fewer than the preallocated ones', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1e6, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 64 }),
        (ratePerSecond, steps, gigabytes) => {
          const counts = countVirtualUsers({
            requestTimeoutMs: 10_000,
            ratePerSecond,
            journeys: [journey(steps, 1)],
            freeBytes: gigabytes * 1e9,
          })
          expect(counts.preAllocated).toBeGreaterThanOrEqual(1)
          expect(counts.users).toBeGreaterThanOrEqual(1)
          expect(counts.maxUsers).toBeGreaterThanOrEqual(Math.max(counts.preAllocated, counts.users))
          expect(counts.maxUsers).toBeLessThanOrEqual(Math.max(10, Math.min(400, gigabytes * 500)))
        },
      ),
    )
  })
})
