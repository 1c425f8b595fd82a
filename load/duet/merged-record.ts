import { endpointOf, mergeHistograms, totalsOf } from '../../record/index.ts'
import type { Counts, Run, ServerSide } from '../../record/index.ts'
import { factOf, meanOf } from '../../baselines/duet/index.ts'

const serverFacts = ['cpuMsPerRequest', 'dbMsPerRequest', 'statementsPerRequest', 'eventLoopP99Ms'] as const

/** All units of a side as one record, for reports: histograms added up, costs averaged. Undefined when there is none. */
export function mergeUnitRecords(
  runs: readonly Run[],
  id: string,
  verdict: { reasons: string[]; interrupted: boolean },
): Run | undefined {
  const [first] = runs
  if (first === undefined) return undefined
  const durationMs = runs.reduce((sum, run) => sum + run.durationMs, 0)
  const steps = [...new Set(runs.flatMap(({ endpoints }) => Object.keys(endpoints)))].toSorted()
  const counts = steps.map((step): [string, Counts] => [step, countsOf(runs, step)])
  return {
    ...first,
    id,
    durationMs,
    totals: totalsOf(
      counts.map(([, count]) => count),
      0,
      durationMs,
    ),
    endpoints: Object.fromEntries(counts.map(([step, count]) => [step, endpointOf(count, durationMs)])),
    server: serverOf(runs),
    generator: {},
    failures: runs.flatMap(({ failures }) => failures ?? []).slice(0, 100),
    validity: { valid: verdict.reasons.length === 0, reasons: verdict.reasons },
    ...(verdict.interrupted && { interrupted: true }),
  }
}

function countsOf(runs: readonly Run[], step: string): Counts {
  const endpoints = runs.flatMap((run) => run.endpoints[step] ?? [])
  const sum = (pick: (endpoint: (typeof endpoints)[number]) => number): number =>
    endpoints.reduce((total, endpoint) => total + pick(endpoint), 0)
  return {
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    histogram: mergeHistograms(endpoints.map(({ histogram }) => histogram)),
    latencySumMs: sum(({ latency, requests }) => latency.meanMs * requests),
  }
}

function serverOf(runs: readonly Run[]): ServerSide {
  const server: ServerSide = {}
  for (const fact of serverFacts) {
    const mean = meanOf(runs.map((run) => factOf(run, 'server', fact)))
    if (mean !== undefined) server[fact] = mean
  }
  const rss = Math.max(...runs.map((run) => run.server?.rssMaxBytes ?? 0))
  return rss > 0 ? { ...server, rssMaxBytes: rss } : server
}
