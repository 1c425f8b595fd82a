import { createRequire } from 'node:module'
import { z } from 'zod'
import { saturationReasons, throughputIsLowerBound } from '../../generator/saturation.ts'
import { loadJourneys } from '../../../journeys/client/index.ts'
import { prepareUsers, releaseUsers } from '../../virtual-users.ts'
import type { Prepared } from '../../virtual-users.ts'
import type { Journey } from '../../../journeys/index.ts'
import { roundMicros, toOneLine } from '../../../record/index.ts'
import { runRouted } from '../../engine.ts'
import type {
  Connections,
  Engine,
  JourneyMix,
  LoadPlan,
  LoadResult,
  LoadEnvironment,
  Measurement,
} from '../../engine.ts'
import { runLoadProcess } from './load-process.ts'
import type { LaunchOptions, LoadProcessPlan, ProcessEnd } from './load-process.ts'
import type { ProcessResult } from './messages.ts'
import { loadShards } from './shards-run.ts'

const manifest = z.looseObject({ version: z.string() })

/** The version of the autocannon package that makes the load. */
export const autocannonVersion = manifest.parse(
  createRequire(import.meta.url)('autocannon/package.json'),
).version

/** A plan that this engine can carry out. */
type ClosedPlan = LoadPlan & { source: JourneyMix; load: Connections }

// What users created on the target is removed, after an interrupt too, but a target that hangs must not delay
// the end.
const releaseMs = { usually: 30_000, afterInterrupt: 2000 } as const

/**
 * The closed model: connections kept busy, for capacity. autocannon's HTTP client makes the load in a process
 * of its own. This process prepares and releases the virtual users, reads the messages, and builds the
 * measurement.
 */
export function autocannonEngine(launch: Partial<LaunchOptions> = {}): Engine {
  return {
    name: 'autocannon',
    run: async (plan, surroundings) =>
      runRouted(plan, surroundings, async (routed) =>
        run(routed, surroundings, { env: process.env, wrapper: [], ...launch }),
      ),
  }
}

async function run(
  plan: LoadPlan,
  surroundings: LoadEnvironment,
  launch: LaunchOptions,
): Promise<LoadResult> {
  const { source, load } = plan
  if (source.kind !== 'journeys')
    return usageError('a user script needs k6: use the engine k6, or give the suite journeys')
  if (load.model !== 'connections')
    return usageError('autocannon keeps connections busy and has no rate: set load.connections, or use k6')
  const loaded = await loadJourneys(source.module)
  if (loaded.state === 'usage-error') return loaded
  const mix = source.mix.filter(({ weight }) => weight > 0)
  const unknown = mix.find(({ journey }) => !loaded.journeys.some(({ name }) => name === journey))
  if (unknown !== undefined) return usageError(`${source.module}: no journey is called ${unknown.journey}`)
  if (mix.length === 0) return usageError('the suite has no journey with a weight above 0')
  return withUsers({ ...plan, source: { ...source, mix }, load }, loaded.journeys, surroundings, launch)
}

async function withUsers(
  plan: ClosedPlan,
  journeys: readonly Journey[],
  surroundings: LoadEnvironment,
  launch: LaunchOptions,
): Promise<LoadResult> {
  const { signal, progress } = surroundings
  progress({ phase: 'prepare', secondsLeft: 0, requestsPerSecond: 0, p95Ms: undefined, errors: 0 })
  const prepared = await prepareUsers(plan, journeys, plan.load.connections, signal)
  // The users are released whatever happens to the load, a full disk included.
  const result =
    prepared.state === 'ready'
      ? await runPrepared(plan, prepared, surroundings, launch).catch(toUnmeasured)
      : toRefusal(prepared)
  const { problems } = await releaseUsers(plan, journeys, prepared, createReleaseSignal(signal))
  if (problems.length > 0 && result.state === 'ok') result.measurement.generator['notReleased'] = problems
  return result
}

function toRefusal(prepared: Exclude<Prepared, { state: 'ready' }>): LoadResult {
  if (prepared.state === 'interrupted') return { state: 'unavailable', reason: interruptedReason }
  return { state: 'failed', step: prepared.step, class: prepared.class, message: prepared.message }
}

async function runPrepared(
  plan: ClosedPlan,
  prepared: Extract<Prepared, { state: 'ready' }>,
  surroundings: LoadEnvironment,
  launch: LaunchOptions,
): Promise<LoadResult> {
  const { run: id, targetUrl, ip, secrets, source, load, warmupMs, durationMs, requestTimeoutMs } = plan
  const { module, mix } = source
  const { contexts } = prepared
  const shared: LoadProcessPlan = {
    run: id,
    targetUrl,
    ip,
    secrets,
    module,
    mix,
    connections: load.connections,
    firstUser: 0,
    warmupMs,
    durationMs,
    requestTimeoutMs,
    contexts,
  }
  if (plan.shards !== undefined) {
    const result = await loadShards(shared, plan.shards, surroundings, launch, toMeasurement)
    return result.state === 'usage-error' ? toUsageError(result.reason, module) : result
  }
  const end = await runLoadProcess(shared, surroundings, launch)
  return toLoadResult(end, source.module, surroundings.signal.aborted)
}

function toUsageError(problem: string, module: string): LoadResult {
  return usageError(problem.startsWith(module) ? problem : `${module}: ${problem}`)
}

function toLoadResult(end: ProcessEnd, module: string, interrupted: boolean): LoadResult {
  switch (end.state) {
    case 'ok':
      return { state: 'ok', measurement: toMeasurement(end.result, interrupted) }
    case 'usage-error':
      return toUsageError(end.problem, module)
    case 'interrupted':
      return { state: 'unavailable', reason: interruptedReason }
    case 'failed':
      return { state: 'unavailable', reason: end.reason }
  }
}

function toMeasurement(result: ProcessResult, interrupted: boolean): Measurement {
  const { startedAt, durationMs, endpoints, connections, failures, timeline, work } = result
  const generator = { ...work, ...(throughputIsLowerBound(work) && { throughputIsLowerBound: true }) }
  return {
    startedAt,
    durationMs: roundMicros(durationMs),
    endpoints,
    connections,
    droppedArrivals: 0,
    failures,
    timeline,
    generator,
    saturation: saturationReasons(result),
    interrupted,
  }
}

const interruptedReason = 'interrupted before the measurement began'

function toUnmeasured(error: unknown): LoadResult {
  return {
    state: 'unavailable',
    reason:
      'the load process could not be started: ' +
      toOneLine(error instanceof Error ? error.message : String(error)),
  }
}

function usageError(reason: string): LoadResult {
  return { state: 'usage-error', reason }
}

/** Aborted when the users' `after` steps must be over. */
function createReleaseSignal(interrupt: AbortSignal): AbortSignal {
  const usual = AbortSignal.timeout(releaseMs.usually)
  if (interrupt.aborted) return AbortSignal.any([usual, AbortSignal.timeout(releaseMs.afterInterrupt)])
  const hurry = new AbortController()
  interrupt.addEventListener(
    'abort',
    () => void setTimeout(() => hurry.abort(), releaseMs.afterInterrupt).unref(),
    { once: true, signal: usual },
  )
  return AbortSignal.any([usual, hurry.signal])
}
