import { describe, expect, it } from 'vitest'
import { toServerSide, toSnapshot, watchServer } from './server-side.ts'

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
