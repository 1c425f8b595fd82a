import { describe, expect, it } from 'vitest'
import { examples, runReport } from '../testing/examples/index.ts'
import type { RunSpec } from '../testing/examples/index.ts'
import type { Run } from '../../record/index.ts'
import {
  listEnvironmentFacts,
  listGeneratorFacts,
  describeLoad,
  listServerFacts,
  listTargetFacts,
} from './facts.ts'
import { toStepFigures, toProbeText } from './cells.ts'

const run = (more: Partial<RunSpec> = {}): Run =>
  runReport({ suite: 'steady', steps: { 'a/b': { requests: 400, medianMs: 5, spread: 0.2 } }, ...more }).run

describe('the line about the load', () => {
  it.each<[Partial<RunSpec>, string]>([
    [{}, 'k6, 40 journeys/s, 60 s'],
    [
      { load: { model: 'arrival-rate', ratePerSecond: 4000, shards: 3 }, seconds: 300 },
      'k6, 4,000 journeys/s, 3 shards, 5 min',
    ],
    [
      { engine: 'autocannon', load: { model: 'connections', connections: 32 } },
      'autocannon, 32 connections, 60 s',
    ],
    [{ engine: 'probe', load: { model: 'once' } }, 'probe, once, 60 s'],
    [{ load: { model: 'arrival-rate' } }, 'k6, – journeys/s, 60 s'],
  ])('%#: %s', (more, line) => {
    expect(describeLoad(run(more))).toBe(line)
  })
})

describe('facts', () => {
  it('that were not measured are left out, not shown as zero', () => {
    expect(listServerFacts(run({ extras: { server: {} } }))).toEqual([])
    expect(listGeneratorFacts(run({ extras: { generator: {} } })).map(([name]) => name)).toEqual(['answered'])
    expect(listServerFacts(run({ extras: { server: { rssMaxBytes: 187_400_000 } } }))).toEqual([
      ['maximum memory', '187 MB'],
    ])
  })

  it.each([
    [0, '0'],
    [0.0004, '< 0.01'],
    [0.031, '0.03'],
    [3.456, '3.46'],
    [12.6, '13'],
  ])('show %d waiting queries as %s', (dbPoolWaiting, shown) => {
    expect(listServerFacts(run({ extras: { server: { dbPoolWaiting } } }))).toEqual([
      ['queries waiting for a connection (average)', shown],
    ])
  })

  it('of the target contain its revision and whether it was changed, but no secret', () => {
    const facts = listTargetFacts(
      run({
        extras: {
          target: { url: 'http://robot:secret@shop.example/?key=secret', revision: 'abc', dirty: true },
        },
      }),
    )
    expect(Object.fromEntries(facts)).toMatchObject({
      target: 'http://shop.example',
      revision: 'abc with uncommitted changes',
    })
    expect(JSON.stringify(facts)).not.toContain('secret')
  })

  it('of the environment are bounded, and nested ones are left out', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`fact ${n}`, 'x'.repeat(1000)]))
    const facts = listEnvironmentFacts({
      ...run(),
      environment: { fingerprint: 'f', memoryBytes: 8_330_000_000, nested: { a: 1 }, ...many },
    })
    expect(facts.slice(0, 2)).toEqual([
      ['fingerprint', 'f'],
      ['memory', '7.8 GiB'],
    ])
    expect(facts).toHaveLength(40)
    expect(Math.max(...facts.map(([, value]) => value.length))).toBeLessThanOrEqual(120)
  })
})

describe('the figures of a step', () => {
  it('have dashes for latencies when nothing answered, and the run as a whole last', () => {
    const rows = toStepFigures(examples['unanswered']?.().runs[0]?.run ?? run())
    expect(rows.map(({ step }) => step)).toEqual(['health/get', null])
    for (const { figures } of rows) expect(figures).toEqual(['4,000', '0', '100', '–', '–', '–', '–'])
  })
})

describe('a probe', () => {
  it('shows further attempts, and why there was no answer', () => {
    const [health] = examples['killed']?.().probes?.probes ?? []
    if (!health) throw new Error('the example has no probe')
    expect(toProbeText(health)).toMatchObject({
      outcome: 'down',
      attempts: '2 attempts',
      steps: [{ step: 'get', ok: false, status: 'connect' }],
    })
    expect(
      toProbeText({ ...health, attempts: 1, steps: [{ step: 'get', ok: false, status: 0, durationMs: 1 }] }),
    ).toMatchObject({ attempts: '', steps: [{ status: 'no answer' }] })
  })
})
