import { createHash } from 'node:crypto'
import type { ShardFigures } from '../../../record/index.ts'
import type { LoadResult } from '../../engine.ts'
import {
  addAccounts,
  collectReports,
  describeShards,
  findAccountProblem,
  findBeginProblems,
  findSkew,
} from '../../shards/shards.ts'
import type { ShardAccount, ShardBegin, ShardManifest, ShardReport } from '../../shards/shards.ts'
import type { ScriptSummary } from './k6-runtime/metrics.ts'
import type { LoadScriptPlan } from './k6-runtime/wire.ts'
import { findShardSaturation, toAccount, toMeasurement } from './measurement.ts'
import type { Observed } from './measurement.ts'
import type { CollectedMessages } from './messages.ts'
import { CountsSum, toCounts } from './summary.ts'
import type { Observations } from './watch.ts'

/** What came of several k6 that made one load. */
export interface ShardsOutcome {
  plan: LoadScriptPlan
  manifest: ShardManifest
  /** Read one after another: a hundred summaries need not be in memory. */
  reports: Iterable<ShardReport<ScriptSummary>>
  begins: readonly ShardBegin[]
  messages: CollectedMessages
  /** What else was wrong with a shard, with its name. */
  problems: readonly string[]
  /** Undefined when none began. */
  observations: Observations | undefined
  /** The load was ended before its time: what was counted until then is kept. */
  isCut: boolean
  interrupted: boolean
}

type Merged = Pick<ShardFigures, 'name'> & ShardAccount

/** The result of all shards together: what one k6 would have counted that made the whole load. */
export function mergeShards(outcome: ShardsOutcome): LoadResult {
  const { plan, manifest, messages, begins, isCut, interrupted } = outcome
  const { startedAt, measuredMs = 0, timeline, cpu } = outcome.observations ?? {}
  const durationMs = isCut ? measuredMs : plan.durationMs
  const sum = new CountsSum(plan.steps.length)
  const merged: Merged[] = []
  const saturation: string[] = []
  const missing = collectReports(manifest, outcome.reports, (name, summary) => {
    sum.add(summary)
    const counts = toCounts(summary, () => [])
    const own = toShardPlan(plan, manifest, name)
    merged.push({ name, ...toAccount(own, counts) })
    if (!isCut) for (const reason of findShardSaturation(own, counts)) saturation.push(`${name}: ${reason}`)
  })
  if (startedAt === undefined)
    return { state: 'unavailable', reason: [...outcome.problems, ...missing].join('; ') || 'no shard began' }
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
    ...outcome.problems,
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

/** Two shards with one digest do the same, each its segment. */
export function digestPlan({
  nonce: _nonce,
  contextsFile: _contextsFile,
  summaryFile: _summaryFile,
  ...plan
}: LoadScriptPlan): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16)
}

/** The plan of one shard of a load. */
export function toShardPlan<Plan extends LoadScriptPlan>(
  plan: Plan,
  { sequence, plan: digest, shards }: ShardManifest,
  name: string,
): Plan & { shard: object } {
  const segment = shards.find((shard) => shard.name === name)?.segment ?? '0:1'
  return { ...plan, shard: { name, of: shards.length, segment, sequence, plan: digest } }
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
