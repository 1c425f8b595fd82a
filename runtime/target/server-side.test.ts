import { describe, expect, it } from 'vitest'
import { hasOtherProcess, toMeasuredSide, toServerSide, toSnapshot, watchServer } from './server-side.ts'
import type { UsageReading } from './server-side.ts'

const exposition = (cpu: number, requests: number, rss: number): string =>
  [
    `process_cpu_seconds_total ${cpu}`,
    `process_resident_memory_bytes ${rss}`,
    'nodejs_eventloop_lag_p99_seconds 0.02',
    `http_requests_total{status="200"} ${requests}`,
    `db_query_duration_seconds_sum{query="a"} ${requests / 1000}`,
    `db_query_duration_seconds_count{query="a"} ${requests * 2}`,
    `db_pool_connections{state="in_use"} ${cpu - 8}`,
    'db_pool_connections{state="idle"} 4',
    `db_pool_waiting ${cpu - 10}`,
  ].join('\n')

describe('what the system counts of a service that vigil started', () => {
  const at = (atMs: number, threads: [number, number][], rssBytes: number): UsageReading => ({
    atMs,
    threads: new Map(threads),
    rssBytes,
  })

  it('is its CPU per request, its busiest thread and its memory', () => {
    const readings = [
      at(1000, [[1, 500]], 5e7),
      at(2000, [[1, 900]], 9e7),
      // Thread 2 began in between.
      at(
        3000,
        [
          [1, 1400],
          [2, 100],
        ],
        6e7,
      ),
    ]
    expect(toMeasuredSide(readings, 500)).toEqual({
      cpuMsPerRequest: 2,
      busiestThreadRatio: 0.45,
      rssMaxBytes: 9e7,
    })
    expect(toMeasuredSide(readings, 0)).not.toHaveProperty('cpuMsPerRequest')
    expect(toMeasuredSide(readings.slice(0, 1), 5)).toEqual({})
  })

  it('is used where the service reports nothing, and never instead of what it reports', async () => {
    let cpuMs = 0
    const usage = () => ({ threads: new Map([[1, (cpuMs += 100)]]), rssBytes: 1e6 })
    const sideOf = async (answers: (string | undefined)[]) => {
      const watch = watchServer(async () => answers.shift(), 60_000, usage)
      await watch.read()
      await watch.read()
      return watch.finish(10)
    }
    expect(await sideOf([])).toMatchObject({ cpuMsPerRequest: 10, rssMaxBytes: 1e6 })
    const reported = await sideOf([exposition(10, 100, 5e7), exposition(11, 300, 9e7)])
    expect(reported).toMatchObject({ cpuMsPerRequest: 5, rssMaxBytes: 9e7 })
    expect(reported.busiestThreadRatio).toBeGreaterThan(0)
  })
})

describe("the server's side", () => {
  it('is what grew between the first and the last reading, per request the server counted', () => {
    const snapshots = [exposition(10, 100, 5e7), exposition(11, 300, 9e7), exposition(12, 1100, 6e7)].map(
      toSnapshot,
    )
    expect(toServerSide(snapshots, 7)).toEqual({
      cpuMsPerRequest: 2,
      rssMaxBytes: 9e7,
      eventLoopP99Ms: 20,
      dbMsPerRequest: 1,
      statementsPerRequest: 2,
      dbPoolUsedRatio: expect.closeTo((3 / 7 + 4 / 8) / 2, 9),
      dbPoolWaiting: 1.5,
    })
  })

  it('leaves out what a restart has reset, and says nothing from one reading', () => {
    expect(
      toServerSide([toSnapshot(exposition(10, 100, 5e7)), toSnapshot(exposition(1, 200, 6e7))], 7)
        .cpuMsPerRequest,
    ).toBeUndefined()
    expect(toServerSide([toSnapshot(exposition(10, 100, 5e7))], 7)).toEqual({})
  })

  describe('leaves out costs, but no gauge, when another process answered', () => {
    const started = (at: number | string, cpu: number): string =>
      `process_start_time_seconds${typeof at === 'string' ? at : ` ${at}`}\n` +
      exposition(cpu, cpu * 100, cpu * 1e7)
    it.each([
      ['a restart that ends higher', [started(100, 10), started(205, 60)], true],
      [
        'a restart in the middle that ends higher',
        [exposition(10, 100, 5), exposition(2, 9, 5), exposition(90, 500, 5)],
        true,
      ],
      ['two processes behind one URL', [started(100, 10), started(101, 40), started(100, 12)], true],
      [
        'one that does not say when it began, after one that does',
        [started(100, 10), exposition(12, 1200, 5)],
        true,
      ],
      ['another instance', [started('{pid="1"} 100', 10), started('{pid="2"} 100', 12)], true],
      ['another start within a worker', [started('{w="1"} 7', 10), started('{w="1"} 9', 12)], true],
      ['one process', [started(100.25, 10), started(100.25, 11), started(100.25, 12)], false],
      ['one whose clock was adjusted by a second', [started(100.25, 10), started(101.25, 12)], false],
    ])('%s', (_, texts, isOther) => {
      const snapshots = texts.map(toSnapshot)
      expect(hasOtherProcess(snapshots)).toBe(isOther)
      const side = toServerSide(snapshots, 7)
      expect([side.cpuMsPerRequest, side.dbMsPerRequest, side.statementsPerRequest].map(Boolean)).toEqual(
        Array.from({ length: 3 }, () => !isOther),
      )
      expect(side.rssMaxBytes).toBeGreaterThan(0)
    })

    it('and says so once', async () => {
      const answers = [started(100, 10), started(101, 40)]
      const watch = watchServer(async () => answers.shift(), 60_000)
      await watch.read()
      expect(watch.notes()).toEqual([])
      await watch.read()
      expect(watch.finish(1)).not.toHaveProperty('cpuMsPerRequest')
      expect(watch.notes()).toEqual([
        'CPU, database time and statements per request are left out: the metrics came from more than one ' +
          'process: it was restarted, or several answer at one URL',
      ])
    })
  })

  it("divides by the engine's count when the server keeps none", () => {
    const snapshots = ['process_cpu_seconds_total 1', 'process_cpu_seconds_total 2'].map(toSnapshot)
    expect(toServerSide(snapshots, 500)).toEqual({ cpuMsPerRequest: 2 })
  })

  it('is watched with one question at a time, and a reading that fails is left out', async () => {
    let asked = 0
    const answers = [exposition(10, 100, 5e7), undefined, exposition(12, 1100, 6e7)]
    const watch = watchServer(async () => answers[asked++], 60_000)
    await watch.read()
    await watch.read()
    await watch.read()
    expect(watch.finish(1).cpuMsPerRequest).toBe(2)
    expect(asked).toBe(3)
  })
})
