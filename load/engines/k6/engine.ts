import { runRouted } from '../../engine.ts'
import type { Engine, LoadEnvironment, LoadPlan, LoadResult } from '../../engine.ts'
import { toOneLine } from '../../../record/index.ts'
import { runJourneys } from './journeys-run.ts'
import { findTrustProblem, findVersionProblem } from './k6-process.ts'
import { inspectScript } from './user-script/inspect.ts'
import { runUserScript } from './user-script/run.ts'
import type { EngineWorld } from './watch.ts'

/**
 * The k6 engine: an open model. Journeys start at a rate whether or not earlier ones have ended, so that a
 * slow target cannot slow down the load that shows how slow it is. Plays journeys by our script inside k6, or
 * runs a user's k6 script unchanged.
 *
 * @param path of k6, 1.0 or later
 */
export function createK6Engine(path: string, world: EngineWorld = currentWorld()): Engine {
  return {
    name: 'k6',
    inspect: async (plan, folder) => {
      const { source } = plan
      return source.kind === 'script'
        ? inspectScript(path, plan, source.path, { folder, env: world.env })
        : undefined
    },
    run: async (plan, environment) => {
      try {
        // Where runners in Kubernetes look the target's name up, it may have another address.
        if (plan.kubernetes !== undefined) return await run(path, plan, environment, world)
        return await runRouted(plan, environment, async (routed) => run(path, routed, environment, world))
      } catch (error) {
        // A full disk or a missing folder: an error of vigil's, not of the target.
        return {
          state: 'unavailable',
          reason: `k6 could not be run: ${toOneLine(error instanceof Error ? error.message : String(error))}`,
        }
      }
    },
  }
}

/** The same, where runners in Kubernetes make the load; k6 here only packs the script. */
export function createKubernetesEngine(path: string, kubectl: string): Engine {
  return createK6Engine(path, { ...currentWorld(), kubectl })
}

function currentWorld(): EngineWorld {
  return { env: process.env, monotonicMs: () => performance.now(), wallMs: () => Date.now() }
}

/** k6's own shortest scenario. */
const minDurationMs = 1000

async function run(
  path: string,
  plan: LoadPlan,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { source, load } = plan
  const usageError = findUsageError(plan)
  if (usageError !== undefined) return { state: 'usage-error', reason: `suite ${plan.suite}: ${usageError}` }
  const problem = await findVersionProblem(path, world.env)
  if (problem !== undefined) return { state: 'unavailable', reason: problem }
  // Runners get the certificates with their script.
  const urls = plan.kubernetes === undefined ? [plan.targetUrl] : []
  const untrusted = findTrustProblem(urls, world.env)
  if (untrusted !== undefined) return { state: 'unavailable', reason: untrusted }
  if (source.kind === 'script') return runUserScript(path, plan, source.path, environment, world)
  if (load.model !== 'arrival-rate') throw new Error('the plan was checked to have a rate')
  const mix = source.mix.filter(({ weight }) => weight > 0)
  return runJourneys(
    path,
    { plan, ratePerSecond: load.ratePerSecond, module: source.module, mix },
    environment,
    world,
  )
}

/**
 * What is invalid in a plan, before anything is started; undefined for a valid plan. A user's script decides
 * its load itself.
 */
function findUsageError({ source, load, warmupMs, durationMs }: LoadPlan): string | undefined {
  if (source.kind === 'script') return undefined
  if (load.model !== 'arrival-rate')
    return (
      'load: found connections, expected ratePerSecond, since k6 loads at a rate; ' +
      'use autocannon to keep connections busy'
    )
  const lastsMs = warmupMs + durationMs
  if (lastsMs < minDurationMs)
    return (
      `found ${lastsMs / 1000} s with its warm-up, expected at least ${minDurationMs / 1000} s, ` +
      'the shortest run of k6'
    )
  if (source.mix.every(({ weight }) => weight <= 0)) return 'journeys: no journey has a weight above 0'
  return undefined
}
