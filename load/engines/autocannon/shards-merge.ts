import { countOf, latencyOf, mergeHistograms } from '../../../record/index.ts'
import type { ShardFigures } from '../../../record/index.ts'
import type { EndpointMeasurement } from '../../engine.ts'
import { maxFailureDetails } from '../../engine.ts'
import type { ShardAccount } from '../../shards/shards.ts'
import type { ProcessResult } from './messages.ts'

/** The result of one process, and how many connections it kept busy. */
export interface SharedResult {
  result: ProcessResult
  connections: number
}

/**
 * Adds what several processes of one load counted: as one process would have counted it. All of them keep
 * latencies in the same buckets, so adding these is exact. How hard they worked is that of the busiest.
 */
export function mergeResults([first, ...rest]: readonly [SharedResult, ...SharedResult[]]): ProcessResult {
  const shared = [first, ...rest]
  const results = shared.map(({ result }) => result)
  const connections = shared.reduce((sum, one) => sum + one.connections, 0)
  const endpoints = mergeEndpoints(results)
  const answered = mergeHistograms(Object.values(endpoints).map(({ histogram }) => histogram))
  const opened = results.map((result) => result.connections)
  const { shard: _shard, ...own } = first.result
  return {
    ...own,
    startedAt: results.map(({ startedAt }) => startedAt).toSorted()[0] ?? own.startedAt,
    // The mean over connections, as each process has it over its own.
    durationMs: shared.reduce((sum, one) => sum + one.result.durationMs * one.connections, 0) / connections,
    offered: results.reduce((sum, { offered }) => sum + offered, 0),
    endpoints,
    connections: {
      histogram: mergeHistograms(opened.map(({ histogram }) => histogram)),
      timeSumMs: opened.reduce((sum, { timeSumMs }) => sum + timeSumMs, 0),
    },
    failures: mergeFailures(results),
    timeline: mergeTimelines(results),
    own: mergeCounts(results.map((result) => result.own)),
    latencyP99Ms: countOf(answered) === 0 ? 0 : latencyOf(answered).p99Ms,
    work: findBusiest(results),
  }
}

function mergeEndpoints(results: readonly ProcessResult[]): Record<string, EndpointMeasurement> {
  const steps = new Set(results.flatMap(({ endpoints }) => Object.keys(endpoints)))
  return Object.fromEntries(
    [...steps].map((step) => {
      const parts = results.flatMap(({ endpoints }) => endpoints[step] ?? [])
      const sum = (pick: (part: EndpointMeasurement) => number): number =>
        parts.reduce((total, part) => total + pick(part), 0)
      return [
        step,
        {
          requests: sum(({ requests }) => requests),
          errors: sum(({ errors }) => errors),
          histogram: mergeHistograms(parts.map(({ histogram }) => histogram)),
          latencySumMs: sum(({ latencySumMs }) => latencySumMs),
        },
      ]
    }),
  )
}

/** By step and class; the example is that of the first. */
function mergeFailures(results: readonly ProcessResult[]): ProcessResult['failures'] {
  const merged = new Map<string, ProcessResult['failures'][number]>()
  for (const failure of results.flatMap(({ failures }) => failures)) {
    const key = `${failure.class} ${failure.step}`
    const known = merged.get(key)
    const [earlier, later] =
      known === undefined || failure.firstAtMs < known.firstAtMs ? [failure, known] : [known, failure]
    const statuses = [...new Set([...(earlier.statuses ?? []), ...(later?.statuses ?? [])])]
    const requestIds = [...new Set([...(earlier.requestIds ?? []), ...(later?.requestIds ?? [])])]
    merged.set(key, {
      ...earlier,
      count: earlier.count + (later?.count ?? 0),
      ...(statuses.length > 0 && { statuses: statuses.slice(0, maxFailureDetails.statuses) }),
      ...(requestIds.length > 0 && { requestIds: requestIds.slice(0, maxFailureDetails.requestIds) }),
    })
  }
  return [...merged.values()]
}

/** Second by second. Without percentiles: those of parts are not those of the whole. */
function mergeTimelines(results: readonly ProcessResult[]): ProcessResult['timeline'] {
  const seconds = new Map<number, ProcessResult['timeline'][number]>()
  for (const { atMs, requests, errors } of results.flatMap(({ timeline }) => timeline)) {
    const known = seconds.get(atMs) ?? { atMs, requests: 0, errors: 0 }
    seconds.set(atMs, { atMs, requests: known.requests + requests, errors: known.errors + errors })
  }
  return [...seconds.values()].toSorted((a, b) => a.atMs - b.atMs)
}

function mergeCounts(counts: readonly Record<string, number>[]): Record<string, number> {
  const merged: Record<string, number> = {}
  for (const [key, count] of counts.flatMap((one) => Object.entries(one)))
    merged[key] = (merged[key] ?? 0) + count
  return merged
}

function findBusiest(results: readonly ProcessResult[]): ProcessResult['work'] {
  const works = results.map(({ work }) => work)
  const most = (pick: (work: ProcessResult['work']) => number): number => Math.max(...works.map(pick))
  const throttling = works
    .flatMap((work) => work.throttling ?? [])
    .toSorted((a, b) => b.stoppedRatio - a.stoppedRatio)[0]
  return {
    cpuRatio: most(({ cpuRatio }) => cpuRatio),
    busyRatio: most(({ busyRatio }) => busyRatio),
    starvedRatio: most(({ starvedRatio }) => starvedRatio),
    eventLoopP99Ms: most(({ eventLoopP99Ms }) => eventLoopP99Ms),
    ...(throttling && { throttling }),
  }
}

/**
 * The requests of one process. In a closed model each connection begins its next journey when the last one
 * has ended, so none is dropped, and journeys reach over the edges of the measured time: what is accounted
 * for is requests. Those that were offered are counted when they begin, the others when they end.
 */
export function toRequestAccount({ offered, endpoints }: ProcessResult): ShardAccount {
  const steps = Object.values(endpoints)
  const requests = steps.reduce((sum, step) => sum + step.requests, 0)
  const failed = steps.reduce((sum, step) => sum + step.errors, 0)
  return { offered, answered: requests - failed, failed, dropped: 0 }
}

export type MergedShard = Pick<ShardFigures, 'name'> & ShardAccount
