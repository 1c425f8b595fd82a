import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ShardFigures } from '../../../record/index.ts'
import type { LoadEnvironment, LoadResult } from '../../engine.ts'
import {
  addAccounts,
  collectReports,
  describeShards,
  divideLoad,
  findAccountProblem,
  findBeginProblems,
  findSkew,
} from '../../shards/shards.ts'
import type { ShardAccount, ShardBegin, ShardManifest, ShardReport } from '../../shards/shards.ts'
import { Fleet } from './fleet.ts'
import type { Part } from './fleet.ts'
import { shardFormat } from './k6-runtime/metrics.ts'
import type { ScriptSummary } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { findShardSaturation, toAccount, toMeasurement } from './measurement.ts'
import type { Observed } from './measurement.ts'
import { findUsageErrorInLog, runScript, runTimeMs } from './script-run.ts'
import type { ScriptEnd, ScriptRun } from './script-run.ts'
import { CountsSum, readSummary, toCounts } from './summary.ts'
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

/** Two shards with one digest do the same, each its segment. */
function digestPlan({
  nonce: _nonce,
  contextsFile: _contextsFile,
  summaryFile: _summaryFile,
  ...plan
}: LoadScriptPlan): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16)
}

async function createPart(
  plan: LoadScriptPlan,
  { sequence, plan: digest, shards }: ShardManifest,
  { name, segment }: ShardManifest['shards'][number],
  folder: string,
): Promise<Part> {
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  const summaryFile = join(own, 'summary.json')
  await rm(summaryFile, { force: true })
  return {
    plan: {
      ...plan,
      contextsFile: plan.contextsFile === undefined ? undefined : join(own, 'contexts.json'),
      summaryFile,
      shard: { name, of: shards.length, segment, sequence, plan: digest },
    },
    folder: own,
    address: undefined,
    pid: undefined,
    isReady: false,
  }
}

type Merged = Pick<ShardFigures, 'name'> & ShardAccount

/** The result of all shards together: what one k6 would have counted that made the whole load. */
function toResult(
  { plan, module }: ScriptRun & { plan: LoadScriptPlan },
  manifest: ShardManifest,
  parts: readonly Part[],
  ends: readonly ScriptEnd[],
  fleet: Fleet,
  interrupted: boolean,
): LoadResult {
  const { messages, begins } = fleet
  const { startedAt, measuredMs = 0, timeline, cpu } = fleet.observations() ?? {}
  const logged = ends.map((end) => findUsageErrorInLog(end, startedAt !== undefined))
  const usageError = messages.usageError() ?? logged.find((error) => error !== undefined)
  if (usageError !== undefined && !interrupted)
    return { state: 'usage-error', reason: `${module}: ${usageError}` }
  const isCut = interrupted || fleet.lost.aborted
  const durationMs = isCut ? measuredMs : plan.durationMs
  const sum = new CountsSum(plan.steps.length)
  const merged: Merged[] = []
  const saturation: string[] = []
  const missing = collectReports(manifest, readReports(parts, ends, isCut), (name, summary) => {
    sum.add(summary)
    const counts = toCounts(summary, () => [])
    const part = parts.find(({ plan: { shard } }) => shard.name === name)
    if (part === undefined) return
    merged.push({ name, ...toAccount(part.plan, counts) })
    if (!isCut)
      for (const reason of findShardSaturation(part.plan, counts)) saturation.push(`${name}: ${reason}`)
  })
  if (startedAt === undefined)
    return { state: 'unavailable', reason: [...fleet.problems, ...missing].join('; ') || 'no shard began' }
  const observed: Observed = {
    startedAt,
    durationMs,
    // No limit is looked for in a part of the load, nor where a shard has named its own.
    interrupted: isCut || missing.length > 0 || saturation.length > 0,
    timeline: timeline?.points ?? [],
    firstDroppedMs: timeline?.firstDroppedMs(),
    cpu,
  }
  const measurement = toMeasurement(plan, sum.counts(), messages, observed)
  const problems = [
    ...fleet.problems,
    ...missing,
    ...findBeginProblems(begins),
    ...(isCut ? [] : merged.flatMap(({ name, ...account }) => describeLoss(name, account))),
  ]
  return {
    state: 'ok',
    measurement: {
      ...measurement,
      interrupted,
      saturation: [...saturation, ...measurement.saturation],
      shards: toFigures(manifest, begins, merged),
      shardProblems: interrupted ? [] : problems,
      notes: describeShards(begins, addAccounts(merged)),
    },
  }
}

function describeLoss(name: string, account: ShardAccount): string[] {
  const problem = findAccountProblem(account)
  return problem === undefined ? [] : [`${name} ${problem}`]
}

function toFigures(
  manifest: ShardManifest,
  begins: readonly ShardBegin[],
  merged: readonly Merged[],
): ShardFigures[] {
  const skew = findSkew(begins)
  return manifest.shards.flatMap(({ name, segment }) => {
    const account = merged.find((one) => one.name === name)
    return account === undefined ? [] : [{ segment, skewMs: skew.get(name) ?? 0, ...account }]
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
