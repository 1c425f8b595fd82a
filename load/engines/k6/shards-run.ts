import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadEnvironment, LoadResult } from '../../engine.ts'
import { divideLoad } from '../../shards/shards.ts'
import type { ShardManifest, ShardReport } from '../../shards/shards.ts'
import { Fleet } from './fleet.ts'
import type { Part } from './fleet.ts'
import { shardFormat } from './k6-runtime/metrics.ts'
import type { ScriptSummary } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { findUsageErrorInLog, runScript, runTimeMs } from './script-run.ts'
import type { ScriptEnd, ScriptRun } from './script-run.ts'
import { digestPlan, mergeShards, toShardPlan } from './shards-merge.ts'
import { readSummary } from './summary.ts'
import type { EngineWorld } from './watch.ts'

/** Our script inside several k6, each with its segment of the arrivals. */
export async function loadShards(
  path: string,
  script: ScriptRun & { plan: LoadScriptPlan },
  count: number,
  environment: LoadEnvironment,
  world: EngineWorld,
): Promise<LoadResult> {
  const { folder, signal } = environment
  const { plan } = script
  const manifest = divideLoad({ run: plan.target.run, plan: digestPlan(plan), format: shardFormat }, count)
  await writeFile(join(folder, 'shards.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const parts = await Promise.all(
    manifest.shards.map(async (shard) => createPart(plan, manifest, shard, folder)),
  )
  const fleet = new Fleet(plan, parts, environment, world)
  const ends = await Promise.all(
    parts.map(async (part) => {
      const run = { ...script, plan: part.plan }
      const host = {
        path,
        folder: part.folder,
        env: world.env,
        signal: AbortSignal.any([signal, fleet.lost]),
      }
      const end = await runScript(run, runTimeMs(plan), host, (address) => fleet.observe(part, address))
      fleet.end(end)
      return end
    }),
  )
  return toResult(script, manifest, parts, ends, fleet, signal.aborted)
}

async function createPart(
  plan: LoadScriptPlan,
  manifest: ShardManifest,
  { name }: ShardManifest['shards'][number],
  folder: string,
): Promise<Part> {
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  const summaryFile = join(own, 'summary.json')
  await rm(summaryFile, { force: true })
  const contextsFile = plan.contextsFile === undefined ? undefined : join(own, 'contexts.json')
  return {
    plan: toShardPlan({ ...plan, contextsFile, summaryFile }, manifest, name),
    folder: own,
    address: undefined,
    pid: undefined,
    isReady: false,
  }
}

/** The result of all shards together, or what the user has to mend first. */
function toResult(
  { plan, module }: ScriptRun & { plan: LoadScriptPlan },
  manifest: ShardManifest,
  parts: readonly Part[],
  ends: readonly ScriptEnd[],
  fleet: Fleet,
  interrupted: boolean,
): LoadResult {
  const { messages, begins, problems } = fleet
  const observations = fleet.observations()
  const logged = ends.map((end) => findUsageErrorInLog(end, observations?.startedAt !== undefined))
  const usageError = messages.usageError() ?? logged.find((error) => error !== undefined)
  if (usageError !== undefined && !interrupted)
    return { state: 'usage-error', reason: `${module}: ${usageError}` }
  const isCut = interrupted || fleet.lost.aborted
  const reports = readReports(parts, ends, isCut)
  return mergeShards({
    plan,
    manifest,
    reports,
    begins,
    messages,
    problems,
    observations,
    isCut,
    interrupted,
  })
}

/** The shards' summaries, one in memory at a time. */
function* readReports(
  parts: readonly Part[],
  ends: readonly ScriptEnd[],
  isCut: boolean,
): Generator<ShardReport<ScriptSummary>> {
  for (const [index, { plan }] of parts.entries()) {
    const end = ends[index]
    const { name } = plan.shard
    const failure = end === undefined ? 'it was not started' : findFailure(end, isCut)
    const summary = readSummary(readText(plan.summaryFile), plan)
    if (failure !== undefined) yield { state: 'missing', name, reason: failure }
    else if (summary.state === 'invalid')
      yield { state: 'missing', name, reason: `its summary ${summary.reason}` }
    else {
      const identity = summary.summary.shard ?? { name, plan: 'none', format: 'none' }
      yield { state: 'ok', identity, value: summary.summary }
    }
  }
}

function findFailure(
  { ending, overdue, interrupted, lastOutput }: ScriptEnd,
  isCut: boolean,
): string | undefined {
  // Ended by vigil: what it has counted until then is kept.
  if (isCut && interrupted) return undefined
  const reason = overdue ?? (ending.state === 'ok' ? undefined : ending.reason)
  return reason === undefined || lastOutput === '' ? reason : `${reason}: ${lastOutput}`
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
