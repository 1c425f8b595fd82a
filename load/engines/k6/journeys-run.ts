import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { buildMixCycle, toStepKey, toAddress } from '../../../journeys/index.ts'
import type { Journey } from '../../../journeys/index.ts'
import { loadJourneys } from '../../../journeys/client/index.ts'
import type { LoadEnvironment, LoadPlan, LoadResult } from '../../engine.ts'
import { prepareUsers, releaseUsers } from '../../virtual-users.ts'
import type { Prepared } from '../../virtual-users.ts'
import { countVirtualUsers } from './generator.ts'
import type { UserCounts } from './generator.ts'
import { toBytes } from './kubernetes/manifests.ts'
import { loadOnKubernetes } from './kubernetes/run.ts'
import type { LoadScriptPlan, PreparedContexts } from './k6-runtime/wire.ts'
import { emptyMeasurement, toMeasurement } from './measurement.ts'
import { collectMessages } from './messages.ts'
import type { CollectedMessages } from './messages.ts'
import { findUsageErrorInLog, runScript, runTimeMs } from './script-run.ts'
import type { ScriptEnd, ScriptRun } from './script-run.ts'
import { loadShards } from './shards-run.ts'
import { readSummary, toCounts } from './summary.ts'
import type { SummaryResult } from './summary.ts'
import { watchRun } from './watch.ts'
import type { EngineWorld, Observations, Watch } from './watch.ts'

/** A plan for journeys at a rate. */
export interface JourneysAtRate {
  plan: LoadPlan
  ratePerSecond: number
  /** Absolute path of the journeys module. */
  module: string
  mix: { journey: string; weight: number }[]
}

const releaseTimeoutMs = 30_000
const releaseTimeoutInterruptedMs = 2000

/** Loads the target with journeys: prepares virtual users, runs our script in k6, releases the users. */
export async function runJourneys(
  path: string,
  request: JourneysAtRate,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const loaded = await loadJourneys(request.module)
  if (loaded.state === 'usage-error') return loaded
  const { journeys } = loaded
  const unknown = request.mix.find(({ journey }) => !journeys.some(({ name }) => name === journey))
  if (unknown) {
    const names = journeys.map(({ name }) => name).join(', ')
    return {
      state: 'usage-error',
      reason: `${request.module}: has no journey ${unknown.journey}, expected one of ${names}`,
    }
  }
  const users = countVirtualUsers({
    ratePerSecond: request.ratePerSecond,
    requestTimeoutMs: request.plan.requestTimeoutMs,
    journeys: journeys.filter(({ name }) => request.mix.some(({ journey }) => journey === name)),
    freeBytes: freeBytesFor(request.plan),
    processes: request.plan.shards,
  })
  const script = toScriptPlan(request, journeys, users, environment.folder)
  const idle = { secondsLeft: 0, requestsPerSecond: 0, p95Ms: undefined, errors: 0 }
  environment.progress({ phase: 'prepare', ...idle })
  const prepared = await prepareUsers(request.plan, journeys, users.users, environment.signal)
  const result = await loadWith(prepared, path, request, script, environment, world)
  return addReleaseProblems(result, await release(request, journeys, prepared, environment.signal))
}

/** The memory of this machine, or that of all runners together. */
function freeBytesFor({ kubernetes }: LoadPlan): number {
  return kubernetes === undefined ? freemem() : toBytes(kubernetes.memory) * kubernetes.parallelism
}

/**
 * One iteration in many reports its latencies, about this many a second: enough for a p95 each second, too
 * few to cost load.
 */
const samplesPerSecond = 100

function toScriptPlan(
  { plan, ratePerSecond, mix }: JourneysAtRate,
  journeys: readonly Journey[],
  users: UserCounts,
  folder: string,
): LoadScriptPlan {
  const cycle = buildMixCycle(mix.map(({ weight }) => weight))
  const chosen = mix.flatMap(({ journey }) => journeys.find(({ name }) => name === journey) ?? [])
  return {
    kind: 'load',
    nonce: randomUUID(),
    secrets: Object.keys(plan.secrets ?? {}),
    target: { address: toAddress(plan.targetUrl), ip: plan.ip, run: plan.run },
    journeys: chosen.map(({ name }) => name),
    cycle,
    steps: chosen.flatMap(({ name, steps }) => steps.map((step) => toStepKey(name, step.name))),
    ratePerSecond,
    warmupMs: plan.warmupMs,
    durationMs: plan.durationMs,
    requestTimeoutMs: plan.requestTimeoutMs,
    ...users,
    sampleEvery: nextCoprime(Math.ceil(ratePerSecond / samplesPerSecond), cycle.length),
    contextsFile: chosen.some(({ before }) => before?.length) ? join(folder, 'contexts.json') : undefined,
    summaryFile: join(folder, 'summary.json'),
  }
}

function nextCoprime(from: number, length: number): number {
  const commonFactor = (a: number, b: number): number => (b === 0 ? a : commonFactor(b, a % b))
  let candidate = from
  while (commonFactor(candidate, length) > 1) candidate += 1
  return candidate
}

async function loadWith(
  prepared: Prepared,
  path: string,
  { module, plan }: JourneysAtRate,
  script: LoadScriptPlan,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  switch (prepared.state) {
    case 'failed':
      return { state: 'failed', step: prepared.step, class: prepared.class, message: prepared.message }
    case 'interrupted':
      return {
        state: 'ok',
        measurement: emptyMeasurement(script.steps, new Date(world.wallMs()).toISOString(), 0, []),
      }
    case 'ready':
      if (plan.kubernetes !== undefined)
        return loadOnKubernetes(
          path,
          {
            script: { plan: script, module, secrets: plan.secrets, contexts: [prepared.contexts] },
            kubernetes: plan.kubernetes,
            suite: plan.suite,
          },
          environment,
          world,
        )
      return plan.shards === undefined
        ? load(path, { module, secrets: plan.secrets }, script, prepared.contexts, environment, world)
        : loadShards(
            path,
            { plan: script, module, secrets: plan.secrets, contexts: [prepared.contexts] },
            plan.shards,
            environment,
            world,
          )
  }
}

async function load(
  path: string,
  { module, secrets }: Pick<ScriptRun, 'module' | 'secrets'>,
  script: LoadScriptPlan,
  contexts: PreparedContexts,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { folder, signal } = environment
  await rm(script.summaryFile, { force: true })
  const run = await runScript(
    { plan: script, module, secrets, contexts: [contexts] },
    runTimeMs(script),
    { path, folder, env: world.env, signal },
    (address) => {
      const messages = collectMessages()
      let watch: Watch | undefined
      return {
        messages,
        observations: () => watch?.observations(),
        attach: (child) => {
          watch = watchRun(
            {
              plan: script,
              addresses: [address],
              messages,
              groups: child.pid === undefined ? [] : [child.pid],
            },
            environment,
            world,
          )
        },
        receive: (message) => {
          messages.add(message)
          if (message.type === 'started') watch?.start()
        },
        hasStarted: messages.hasStarted,
        stop: () => watch?.stop(),
      }
    },
  )
  const { messages, observations } = run.observer
  const interruptedAt = new Date(world.wallMs()).toISOString()
  const seen = observations() ?? { startedAt: undefined, measuredMs: 0, timeline: undefined, cpu: undefined }
  return toResult(script, module, run, messages, seen, interruptedAt)
}

/**
 * The result of a run: decided by how k6 ended, what our script reported, and whether its summary is complete
 * and of this run.
 */
async function toResult(
  plan: LoadScriptPlan,
  module: string,
  run: ScriptEnd,
  messages: CollectedMessages,
  seen: Observations,
  interruptedAt: string,
): Promise<LoadResult> {
  const summary = await openSummary(plan)
  const { startedAt = run.interrupted ? interruptedAt : undefined, timeline, cpu } = seen
  const unmeasured = (reason: string): LoadResult => ({
    state: 'unavailable',
    reason: run.lastOutput === '' ? reason : `${reason}: ${run.lastOutput}`,
  })
  if (!run.interrupted) {
    const usageError = messages.usageError() ?? findUsageErrorInLog(run, seen.startedAt !== undefined)
    if (usageError !== undefined) return { state: 'usage-error', reason: `${module}: ${usageError}` }
    if (run.overdue !== undefined) return unmeasured(run.overdue)
    if (run.ending.state !== 'ok') return unmeasured(run.ending.reason)
    if (summary.state === 'invalid') return unmeasured(`k6 ended, but its summary ${summary.reason}`)
  }
  if (startedAt === undefined) return unmeasured('k6 ended, but did not report that its measurement began')
  const durationMs = run.interrupted ? seen.measuredMs : plan.durationMs
  const points = timeline?.points ?? []
  // An interrupted run returns what there is, even nothing: the user shall see what had been measured by
  // then.
  if (summary.state === 'invalid')
    return {
      state: 'ok',
      measurement: emptyMeasurement(plan.steps, startedAt, durationMs, points),
    }
  const observed = {
    startedAt,
    durationMs,
    interrupted: run.interrupted,
    timeline: points,
    firstDroppedMs: timeline?.firstDroppedMs(),
    cpu,
  }
  return { state: 'ok', measurement: toMeasurement(plan, toCounts(summary.summary), messages, observed) }
}

async function openSummary(plan: LoadScriptPlan): Promise<SummaryResult> {
  try {
    return readSummary(await readFile(plan.summaryFile, 'utf8'), plan)
  } catch {
    return { state: 'invalid', reason: 'was not written' }
  }
}

async function release(
  { plan }: JourneysAtRate,
  journeys: readonly Journey[],
  prepared: Prepared,
  signal: AbortSignal,
): Promise<string[]> {
  // The run's own signal may be aborted already: also after an interrupt nothing may be left behind, but
  // soon.
  const limit = AbortSignal.timeout(signal.aborted ? releaseTimeoutInterruptedMs : releaseTimeoutMs)
  const hurry = new AbortController()
  const onAbort = (): void => void setTimeout(() => hurry.abort(), releaseTimeoutInterruptedMs).unref()
  signal.addEventListener('abort', onAbort, { once: true })
  const { problems } = await releaseUsers(plan, journeys, prepared, AbortSignal.any([limit, hurry.signal]))
  signal.removeEventListener('abort', onAbort)
  return problems
}

function addReleaseProblems(result: LoadResult, problems: string[]): LoadResult {
  if (result.state !== 'ok' || problems.length === 0) return result
  const { measurement } = result
  const generator = { ...measurement.generator, notReleased: problems }
  return { ...result, measurement: { ...measurement, generator } }
}
