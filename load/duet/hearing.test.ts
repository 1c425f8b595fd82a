import { describe, expect, it } from 'vitest'
import { recordedTrace } from './inside/wire.ts'
import { readMessage } from './listen.ts'
import { betweenReadings, readingOf } from './metrics.ts'
import { readServerTiming } from './server-timing.ts'
import { isWarm, defaultPace } from './warm.ts'

describe('a line of k6', () => {
  it('is a message when it is ours and whole', () => {
    expect(readMessage('n0nce {"played":[4,0,1.5,3.25,[[1.25,0,59,"db;dur=1"]]]}', 'n0nce')).toEqual({
      played: [4, 0, 1.5, 3.25, [[1.25, 0, 59, 'db;dur=1']]],
    })
    expect(
      readMessage(`n0nce {"played":[4,0,1.5,3.25,[[1.25,0,59,"","${'a'.repeat(32)}"]]]}`, 'n0nce'),
    ).toEqual({ played: [4, 0, 1.5, 3.25, [[1.25, 0, 59, '', 'a'.repeat(32)]]] })
    expect(readMessage('n0nce {"started":true}', 'n0nce')).toEqual({ started: true })
  })

  it.each([
    ["k6's own", 'time="…" level=info'],
    ['of somebody who does not know the nonce', 'other {"played":[4,0,1,3,[]]}'],
    ['cut short', 'n0nce {"played":[4,0,1'],
    ['of a negative arrival', 'n0nce {"played":[-4,0,1,3,[]]}'],
    ['of a latency that is no number', 'n0nce {"played":[4,0,1,3,[["1",0,0,""]]]}'],
    ['of an unknown failure', 'n0nce {"played":[4,0,1,3,[[1,99,0,""]]]}'],
    ['of a trace that is none', 'n0nce {"played":[4,0,1,3,[[1,0,0,"","0AF7"]]]}'],
    ['something else', 'n0nce [1]'],
  ])('is none when it is %s', (_what, line) => {
    expect(readMessage(line, 'n0nce')).toBeUndefined()
  })

  it('tells what a journey did wrong without its control characters', () => {
    expect(readMessage('n0nce {"misused":"a\\u001b[31mb"}', 'n0nce')).toEqual({
      misused: expect.not.stringContaining('\u001B'),
    })
  })
})

describe('the trace of an answer', () => {
  const id = '0af7651916cd43dd8448eb211c80319c'
  it.each([
    ['is named when it is recorded', `00-${id}-b7ad6b7169203331-01`, id],
    ['is not when it is only passed on', `00-${id}-b7ad6b7169203331-00`, undefined],
    ['is not when the header is none', `00-${id}`, undefined],
    ['is not when nothing is said', undefined, undefined],
  ])('%s', (_what, header, expected) => {
    expect(recordedTrace(header)).toBe(expected)
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
    ['has not been long enough', costs(1, 1, 1), false],
    ['gets no cheaper', costs(2, 1.2, 1, 1, 1.01, 0.99), true],
    ['still gets cheaper on one side', costs(2, 1.5, 1.2, 1), false],
    ['has taken its longest', costs(...Array.from({ length: 12 }, (_, index) => 1 / (index + 1))), true],
    ['has no cost to go by', costs(undefined, undefined, undefined, undefined), true],
  ])('%s', (_what, series, warm) => {
    expect(isWarm(series, 2500, defaultPace)).toBe(warm)
  })
})

it('reads what a process did between two moments, and leaves out what it does not tell or what was reset', () => {
  const at = (requests: number, cpuMs: number | undefined, hits: number, misses: number) =>
    readingOf(
      { requests, cpuMs, databaseCpuMs: cpuMs && cpuMs / 5 },
      `cache_requests_total{cache="a",result="hit"} ${hits}\ncache_requests_total{cache="a",result="miss"} ${misses}\nprocess_resident_memory_bytes 1e8\n`,
    )
  const none = readingOf({ requests: 0, cpuMs: undefined, databaseCpuMs: undefined }, undefined)
  expect(betweenReadings(at(0, 10, 0, 0), at(100, 60, 75, 25))).toEqual({
    cpuMsPerRequest: 0.5,
    databaseCpuMsPerRequest: 0.1,
    cacheHitRatio: 0.75,
    rssMaxBytes: 1e8,
  })
  expect(betweenReadings(at(0, 10, 5, 0), at(100, undefined, 0, 0))).toEqual({ rssMaxBytes: 1e8 })
  expect(betweenReadings(none, none)).toEqual({})
})
