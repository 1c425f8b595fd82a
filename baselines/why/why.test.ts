import { expect, it } from 'vitest'
import { judgeDuet } from '../duet/index.ts'
import { unitsOf } from '../duet/testing/units.ts'
import type { DuetShape } from '../duet/testing/units.ts'
import { listEvidence, formatExplanation, explainFail } from './index.ts'
import type { Explanation } from './index.ts'

function whyIs(shape: Omit<DuetShape, 'units'>): Explanation[] {
  const units = { ...unitsOf({ units: 12, ...shape }), exact: {} }
  return explainFail(judgeDuet(units), units)
}

it('names the step, its effect, and what moved in the database', () => {
  const why = whyIs({
    baseline: { reported: { dbMs: 0.5, statements: 1, appMs: 0.3 } },
    candidate: { slower: 1.4, reported: { dbMs: 1.5, statements: 3, appMs: 0.3 } },
  })
  expect(why.map(({ step }) => step)).toEqual(expect.arrayContaining(['tasks/list', 'tasks/read']))
  expect(why[0]?.effect).toMatch(/p50 \+4\d %/)
  expect(why[0]?.moved).toEqual([
    'time in the database 0.5 ms → 1.5 ms a request',
    'SQL statements 1 → 3 a request',
  ])
})

it('distinguishes waiting from computing by CPU time', () => {
  const slow = { slower: 1.4, reported: { appMs: 1.2 } }
  const waiting = whyIs({
    baseline: { cpuMs: 1, reported: { appMs: 0.3 } },
    candidate: { ...slow, cpuMs: 1 },
  })
  expect(waiting.at(-1)?.moved).toContain(
    'CPU per request did not move: the application waits there (a lock, a pool, a timer), it does ' +
      'not compute',
  )
  const computing = whyIs({
    baseline: { cpuMs: 1, reported: { appMs: 0.3 } },
    candidate: { ...slow, cpuMs: 1.9 },
  })
  expect(computing.at(-1)?.moved).toEqual([
    expect.stringMatching(/^CPU per request \S+ ms → 1\.9 ms \(\+9\d %\)/),
  ])
})

it('says it when nothing that the service reports moved', () => {
  expect(whyIs({ candidate: { slower: 1.4 } }).at(-1)?.moved).toEqual([
    expect.stringContaining('nothing that the service reports moved with it'),
  ])
})

it.each<[string, Omit<DuetShape, 'units'>, RegExp]>([
  ['nothing is measured', { candidate: { slower: 1.4 } }, /it reports no figures, .* the cause is not known/],
  [
    'only the CPU of its process is measured',
    { baseline: { cpuMs: 1 }, candidate: { slower: 1.4, cpuMs: 1 } },
    /measured: CPU per request\. The time inside and outside of the service is not known/,
  ],
  [
    'it times its steps',
    {
      baseline: { reported: { appMs: 1, dbMs: 1 } },
      candidate: { slower: 1.4, reported: { appMs: 1, dbMs: 1 } },
    },
    /outside of what it measures \(accepting, reading, writing, the network\)/,
  ],
])('blames what was not measured only when the rest was: %s', (_, shape, sentence) => {
  const moved = whyIs(shape).at(-1)?.moved
  expect(moved).toEqual([expect.stringMatching(sentence)])
  if (!sentence.source.includes('network')) expect(moved?.join()).not.toContain('network')
})

it('names the CPU of a handler although the service reports nothing', () => {
  const why = whyIs({ baseline: { cpuMs: 1 }, candidate: { slower: 1.4, cpuMs: 1.9 } })
  expect(why.at(-1)?.moved).toEqual([expect.stringMatching(/^CPU per request/)])
})

it('reports what changed with the process: garbage, memory, event loop, cache', () => {
  const why = whyIs({
    baseline: {
      server: { gcMsPerRequest: 0.01, rssMaxBytes: 100e6, eventLoopP99Ms: 10, cacheHitRatio: 0.9 },
    },
    candidate: {
      slower: 1.4,
      server: { gcMsPerRequest: 0.2, rssMaxBytes: 200e6, eventLoopP99Ms: 30, cacheHitRatio: 0.1 },
    },
  })
  expect(why.at(-1)?.moved).toEqual([
    expect.stringContaining('garbage collection per request'),
    expect.stringContaining('event loop p99 10 ms → 30 ms'),
    expect.stringContaining('memory 100 MB → 200 MB'),
    expect.stringContaining('cache hits 90 % → 10 %'),
  ])
})

it('says where the errors are, and of which class', () => {
  const why = whyIs({ candidate: { errorShare: 0.05 } })
  expect(why.at(-1)?.moved).toEqual(['60 failed in tasks/list (status)', '60 failed in tasks/read (status)'])
})

it('names the traces of the slowest answers there, those that a record names in earnest', () => {
  const units = { ...unitsOf({ units: 12, candidate: { slower: 1.4 } }), exact: {} }
  const id = (digit: string): string => digit.repeat(32)
  const keep = (unit: number, slowest: unknown): void =>
    void Object.assign(units.candidate[unit]?.endpoints['tasks/read'] ?? {}, { slowest })
  keep(0, [
    { traceId: id('a'), latencyMs: 4 },
    { traceId: '\u001B[2J', latencyMs: 99 },
    { traceId: id('f') },
    'nonsense',
  ])
  keep(3, [
    { traceId: id('b'), latencyMs: 9 },
    { traceId: id('c'), latencyMs: 7 },
    { traceId: id('d'), latencyMs: 3 },
  ])
  const read = explainFail(judgeDuet(units), units).find(({ step }) => step === 'tasks/read')
  expect(read && listEvidence(read).at(-1)).toBe(
    `slowest traces: ${id('b')} (9 ms), ${id('c')} (7 ms), ${id('a')} (4 ms)`,
  )
  expect(read && formatExplanation(read)).toMatch(/^tasks\/read: p95 .*; slowest traces: b/)
})

it('explains nothing but a fail', () => {
  expect(whyIs({})).toEqual([])
})
