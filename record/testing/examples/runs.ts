import { endpointOf, environmentOf, histogramOf, totalsOf } from '../../index.ts'
import type { Counts, Run } from '../../index.ts'

/** Answered requests of these latencies, plus some that failed: the counts of one step, for tests. */
export function countsOf(
  latenciesMs: readonly number[],
  more: { failedAnswers?: number; unanswered?: number } = {},
): Counts {
  return {
    requests: latenciesMs.length + (more.unanswered ?? 0),
    errors: (more.failedAnswers ?? 0) + (more.unanswered ?? 0),
    histogram: histogramOf(latenciesMs),
    latencySumMs: latenciesMs.reduce((sum, ms) => sum + ms, 0),
  }
}

/** `count` latencies spread evenly over `from`../..`to` milliseconds. */
export function spread(count: number, from: number, to: number): number[] {
  return Array.from({ length: count }, (_, index) => from + ((to - from) * (index + 0.5)) / count)
}

/** A whole and consistent record of these steps over 30 s, for tests. */
export function exampleRun(
  steps: Record<string, Counts>,
  changes: Partial<Run> = {},
  droppedArrivals = 0,
): Run {
  const durationMs = changes.durationMs ?? 30_000
  return {
    schema: 'vigil.run/1',
    id: '20260102-030405-006-browse-a1b2',
    suite: 'browse',
    engine: 'k6',
    target: { url: 'http://127.0.0.1:8000/', revision: 'c0ffee', dirty: false },
    environment: environmentOf({
      os: 'Linux',
      kernel: '6.1.0',
      arch: 'x64',
      cpuModel: 'Example CPU',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      node: '24.1.0',
      engine: 'k6 1.8.1',
    }),
    startedAt: '2026-01-02T03:04:05.006Z',
    durationMs,
    load: { model: 'arrival-rate', ratePerSecond: 20 },
    totals: totalsOf(Object.values(steps), droppedArrivals, durationMs),
    endpoints: Object.fromEntries(
      Object.entries(steps).map(([step, counts]) => [step, endpointOf(counts, durationMs)]),
    ),
    server: {
      cpuMsPerRequest: 1.25,
      rssMaxBytes: 180e6,
      eventLoopP99Ms: 12,
      dbMsPerRequest: 0.4,
      statementsPerRequest: 1.1,
      dbPoolUsedRatio: 0.3,
      dbPoolWaiting: 0,
    },
    generator: { cpuRatio: 0.2, droppedArrivals },
    validity: { valid: true, reasons: [] },
    ...changes,
  }
}
