import { describe, expect, it } from 'vitest'
import { findRecordedTrace } from '../engines/k6/k6-runtime/answer.ts'
import { readServerTiming } from './answers.ts'
import { isOfOtherProcess, readProcess, subtractReadings } from './process-readings.ts'
import type { ProcessReading } from './process-readings.ts'
import { defaultPace, isWarm } from './warm.ts'

describe('the trace of an answer', () => {
  const id = '0af7651916cd43dd8448eb211c80319c'
  it.each([
    ['is found when it is recorded', `00-${id}-b7ad6b7169203331-01`, id],
    ['is not found when it is only passed on', `00-${id}-b7ad6b7169203331-00`, undefined],
    ['is not found in an invalid header', `00-${id}`, undefined],
    ['is not found without a header', undefined, undefined],
  ])('%s', (_what, header, expected) => {
    expect(findRecordedTrace(header)).toBe(expected)
  })
})

describe('Server-Timing', () => {
  it.each([
    [
      'app;dur=1.234, db;dur=0.5, sql;desc="3", rows;desc="20"',
      { appMs: 1.234, dbMs: 0.5, statements: 3, rows: 20 },
    ],
    ['cache;desc="hit", db;dur=2', { dbMs: 2 }],
    ['db;dur=NaN, sql;desc="-1", rows;desc="many", app', {}],
    ['constructor;dur=1, __proto__;dur=2', {}],
    ['', {}],
  ])('%s', (header, expected) => {
    expect(readServerTiming(header)).toEqual(expected)
  })
})

describe('the warm-up', () => {
  const costs = (...values: (number | undefined)[]) =>
    values.map((value) => ({ baseline: value, candidate: 1 }))
  it.each([
    ['has not reached its minimum', costs(1, 1, 1), false],
    ['has become flat', costs(2, 1.2, 1, 1.01, 0.99), true],
    ['is still falling on one side', costs(2, 1.5, 1.2, 1), false],
    ['falls by less than noise', costs(2, 1.2, 1.1, 1.07, 1.06), true],
    ['falls by more than noise', costs(2, 1.2, 1.1, 1.06, 1.04), false],
    ['has reached its maximum', costs(...Array.from({ length: 12 }, (_, index) => 1 / (index + 1))), true],
    ['has no costs to compare', costs(undefined, undefined, undefined, undefined), true],
  ])('%s', (_what, series, warm) => {
    expect(isWarm(series, 2500, defaultPace)).toBe(warm)
  })
})

describe('the readings of a process', () => {
  const read = async (requests: number, cpuMs: number | undefined, exposition: string | undefined) =>
    readProcess(
      {
        cpuMs: () => cpuMs,
        databaseCpuMs: () => cpuMs && cpuMs / 5,
        exposition: async () => exposition,
      },
      requests,
    )
  const metrics = (hits: number, misses: number): string =>
    [
      `cache_requests_total{cache="a",result="hit"} ${hits}`,
      `cache_requests_total{cache="a",result="miss"} ${misses}`,
      'process_resident_memory_bytes 1e8\n',
    ].join('\n')
  const at = async (
    requests: number,
    cpuMs: number | undefined,
    hits: number,
    misses: number,
  ): Promise<ProcessReading> => read(requests, cpuMs, metrics(hits, misses))

  it('give costs per request', async () => {
    expect(subtractReadings(await at(0, 10, 0, 0), await at(100, 60, 75, 25))).toEqual({
      cpuMsPerRequest: 0.5,
      databaseCpuMsPerRequest: 0.1,
      cacheHitRatio: 0.75,
      rssMaxBytes: 1e8,
    })
  })

  it('leave out what is not reported, and counters that were reset', async () => {
    expect(subtractReadings(await at(0, 10, 5, 0), await at(100, undefined, 0, 0))).toEqual({
      rssMaxBytes: 1e8,
    })
    const nothing = await read(0, undefined, undefined)
    expect(subtractReadings(nothing, nothing)).toEqual({})
  })

  it('leave out the metrics of another process, but not what was read of its own', async () => {
    const of = async (start: number, requests: number): Promise<ProcessReading> =>
      read(requests, requests, `process_start_time_seconds ${start}\n${metrics(requests, 0)}`)
    expect(subtractReadings(await of(7, 0), await of(9, 100))).toEqual({
      cpuMsPerRequest: 1,
      databaseCpuMsPerRequest: 0.2,
      rssMaxBytes: 1e8,
    })
    expect(subtractReadings(await of(7, 0), await of(7, 100))).toHaveProperty('cacheHitRatio', 1)
    expect(isOfOtherProcess(await of(7, 0), await read(1, 1, undefined))).toBe(false)
  })

  it('count the reads of a cache by the usual names', async () => {
    const names = ['cache_requests_total', 'app_cache_lookups_total', 'cache_evictions_total']
    const text = (count: number): string =>
      names.map((name) => `${name}{result="hit"} ${count}\n${name}{result="miss"} 0\n`).join('')
    const { cacheReads, cacheHits } = await read(0, undefined, text(3))
    expect([cacheReads, cacheHits]).toEqual([6, 6])
  })
})
