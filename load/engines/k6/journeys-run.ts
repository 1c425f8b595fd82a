import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { freemem } from 'node:os'
import type { Journey } from '../../../journeys/index.ts'
import type { LoadResult, LoadEnvironment } from '../../engine.ts'
import { loadJourneys } from '../../../journeys/client/index.ts'
import { prepareUsers, releaseUsers } from '../../virtual-users/index.ts'
import type { Prepared } from '../../virtual-users/index.ts'
import { scriptPlanOf, writeEntry } from './entry.ts'
import type { JourneysAtRate } from './entry.ts'
import { endingOf } from './exits.ts'
import { lastWords, startK6 } from './k6-process.ts'
import { freeAddress } from './live.ts'
import { nothingMeasured } from './measurement.ts'
import { listen } from './messages.ts'
import { outcomeOf } from './outcome.ts'
import type { Ran } from './outcome.ts'
import { sizeUsers } from './sizing.ts'
import { orEnd, supervise } from './supervise.ts'
import { watchRun } from './watch.ts'
import type { Watch } from './watch.ts'
import { startedLate } from './k6-runtime/wire.ts'
import type { PreparedContexts, ScriptPlan } from './k6-runtime/wire.ts'
import type { EngineWorld } from './world.ts'

const releaseLimitMs = 30_000
const releaseLimitInterruptedMs = 2000
const portAttempts = 3

/** Loads the target with journeys: prepares virtual users, runs k6 with our interpreter, releases the users. */
export async function runJourneys(
  path: string,
  request: JourneysAtRate,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const loaded = await loadJourneys(request.module)
  if (loaded.state === 'usage-error') return loaded
  const { journeys } = loaded
  const unknown = request.mix.find(({ journey }) => !journeys.some(({ name }) => name === journey))
  if (unknown)
    return {
      state: 'usage-error',
      reason: `${request.module}: has no journey ${unknown.journey}, expected one of ${journeys.map(({ name }) => name).join(', ')}`,
    }
  const chosen = journeys.filter(({ name }) => request.mix.some(({ journey }) => journey === name))
  const sizing = sizeUsers({
    ratePerSecond: request.ratePerSecond,
    requestTimeoutMs: request.plan.requestTimeoutMs,
    journeys: chosen,
    freeBytes: freemem(),
  })
  const script = scriptPlanOf(request, journeys, sizing, randomUUID(), surroundings.folder)
  surroundings.progress({
    phase: 'prepare',
    secondsLeft: 0,
    requestsPerSecond: 0,
    p95Ms: undefined,
    errors: 0,
  })
  const prepared = await prepareUsers(request.plan, journeys, sizing.users, surroundings.signal)
  const result = await loadAs(prepared, path, request, script, surroundings, world)
  return withRelease(result, await release(request, journeys, prepared, surroundings.signal))
}

async function loadAs(
  prepared: Prepared,
  path: string,
  request: JourneysAtRate,
  script: ScriptPlan,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  switch (prepared.state) {
    case 'failed':
      return { state: 'refused', step: prepared.step, class: prepared.class, message: prepared.message }
    case 'interrupted':
      return {
        state: 'measured',
        measurement: nothingMeasured(script.steps, new Date(world.wallMs()).toISOString(), 0, []),
      }
    case 'ready':
      return load(path, request.module, script, prepared.contexts, surroundings, world)
  }
}

async function load(
  path: string,
  module: string,
  script: ScriptPlan,
  contexts: PreparedContexts,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { entry, files } = await writeEntry(script, module, contexts, surroundings.folder)
  try {
    let ran = await runOnce(path, entry, script, surroundings, world)
    // The port for its REST API was free when we looked; somebody else may have taken it since.
    for (let attempt = 1; attempt < portAttempts && portTaken(ran); attempt += 1)
      ran = await runOnce(path, entry, script, surroundings, world)
    return await outcomeOf(script, module, ran, new Date(world.wallMs()).toISOString())
  } finally {
    await Promise.all(files.map(async (file) => rm(file, { force: true })))
  }
}

function portTaken({ end, seen, interrupted }: Ran): boolean {
  const ending = endingOf(end)
  return ending.state === 'failed' && ending.retry && seen.startedAt === undefined && !interrupted
}

async function runOnce(
  path: string,
  entry: string,
  script: ScriptPlan,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<Ran> {
  await rm(script.summaryFile, { force: true })
  const address = await freeAddress()
  let watch: Watch | undefined
  const messages = listen(script.nonce, { started: () => watch?.started() })
  const child = startK6(path, ['--address', address, entry], {
    folder: surroundings.folder,
    env: world.env,
    onLine: messages.read,
  })
  return orEnd(child, async () => {
    watch = watchRun({ plan: script, address, messages, group: () => child.pid }, surroundings, world)
    const drainMs = startedLate.drainMs + script.requestTimeoutMs + startedLate.marginMs
    const { end, interrupted, overdue } = await supervise(
      child,
      watch,
      { users: script.preAllocated, runMs: script.warmupMs + script.durationMs + drainMs },
      surroundings.signal,
    )
    return { end, interrupted, overdue, words: lastWords(child, script.nonce), messages, seen: watch.seen() }
  })
}

async function release(
  { plan }: JourneysAtRate,
  journeys: readonly Journey[],
  prepared: Prepared,
  signal: AbortSignal,
): Promise<string[]> {
  // The run's own signal may be aborted already: whoever interrupts still wants nothing left behind, soon.
  const limit = AbortSignal.timeout(signal.aborted ? releaseLimitInterruptedMs : releaseLimitMs)
  const hurry = new AbortController()
  const onAbort = (): void => void setTimeout(() => hurry.abort(), releaseLimitInterruptedMs).unref()
  signal.addEventListener('abort', onAbort, { once: true })
  const { problems } = await releaseUsers(plan, journeys, prepared, AbortSignal.any([limit, hurry.signal]))
  signal.removeEventListener('abort', onAbort)
  return problems
}

function withRelease(result: LoadResult, problems: string[]): LoadResult {
  if (result.state !== 'measured' || problems.length === 0) return result
  return {
    ...result,
    measurement: {
      ...result.measurement,
      generator: { ...result.measurement.generator, notReleased: problems },
    },
  }
}
