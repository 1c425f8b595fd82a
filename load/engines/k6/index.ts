import type { Engine, LoadPlan, LoadResult, LoadEnvironment } from '../../engine.ts'
import { toOneLine } from '../../../record/index.ts'
import { runJourneys } from './journeys-run.ts'
import { versionProblem } from './k6-process.ts'
import { runScript } from './user-script/run.ts'
import { processWorld } from './world.ts'
import type { EngineWorld } from './world.ts'

/**
 * The k6 engine: an open model, journeys started at a rate whether or not earlier ones have ended, so that a slow target
 * cannot slow down the load that shows how slow it is. Runs journeys through our interpreter inside k6, or a k6 script of
 * the user's own as it is.
 *
 * @param path of k6, 1.0 or later
 */
export function createK6Engine(path: string, world: EngineWorld = processWorld()): Engine {
  return {
    name: 'k6',
    run: async (plan, surroundings) => {
      try {
        return await run(path, plan, surroundings, world)
      } catch (error) {
        // A full disk, a folder that is gone: ours, not the target's.
        return {
          state: 'unmeasured',
          reason: `k6 could not be run: ${toOneLine(error instanceof Error ? error.message : String(error))}`,
        }
      }
    },
  }
}

/** k6's own shortest scenario. */
const leastMs = 1000

async function run(
  path: string,
  plan: LoadPlan,
  surroundings: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { source, load } = plan
  if (source.kind === 'journeys') {
    if (load.model !== 'arrival-rate')
      return {
        state: 'usage-error',
        reason: `suite ${plan.suite}: k6 makes load at a rate, expected ratePerSecond; for connections kept busy use autocannon`,
      }
    const mix = source.mix.filter(({ weight }) => weight > 0)
    if (plan.warmupMs + plan.durationMs < leastMs)
      return {
        state: 'usage-error',
        reason: `suite ${plan.suite}: ${(plan.warmupMs + plan.durationMs) / 1000} s with its warm-up, expected at least ${leastMs / 1000} s, which is the shortest that k6 runs`,
      }
    if (mix.length === 0)
      return { state: 'usage-error', reason: `suite ${plan.suite}: no journey has a weight above 0` }
    const problem = await versionProblem(path, surroundings.folder, world.env)
    if (problem !== undefined) return { state: 'unmeasured', reason: problem }
    return runJourneys(
      path,
      { plan, ratePerSecond: load.ratePerSecond, module: source.module, mix },
      surroundings,
      world,
    )
  }
  const problem = await versionProblem(path, surroundings.folder, world.env)
  if (problem !== undefined) return { state: 'unmeasured', reason: problem }
  return runScript(path, plan, source.path, surroundings, world)
}
