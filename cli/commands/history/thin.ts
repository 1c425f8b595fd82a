import { resolve } from 'node:path'
import { examineHistory, minRuns } from '../../../baselines/change-points/index.ts'
import type { Acknowledgement, HistoryMetric } from '../../../baselines/change-points/index.ts'
import { loadConfig } from '../../../config/index.ts'
import { comparableOf, HistoryUnavailable, withHistory, withStep } from '../../../record/history/index.ts'
import type { RunEntry, RunHistory, Series } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { readAcknowledged, readStored, storedFolder } from '../../shared/baselines.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { HistoryOptions } from './command.ts'
import { placeOf } from './place.ts'

const dayMs = 86_400_000
/** Runs of one merge: a transaction that is interrupted loses no more than its own work. */
const batch = 1000
/** Runs that changes are searched in together, and by how many each search overlaps the one before. */
const stretch = { runs: 1000, overlap: 100 } as const
/** The percentiles that steps are judged by. A search takes 20 ms for 1,000 runs. */
const stepMetrics: readonly HistoryMetric[] = ['p50Ms', 'p95Ms']

/** What thinning does to a series. */
export interface ThinPlan extends Series {
  /** Valid runs older than the limit that have details. */
  old: number
  /** Those that are merged, by the time of their merged row. */
  merge: Map<number, string[]>
  /** How many are or would be merged. */
  merged: number
  /** Those that stay as they are, by why. */
  kept: { accepted: number; changes: number }
}

interface ThinRules {
  beforeMs: number
  periodMs: number
  accepted: ReadonlySet<string>
  acknowledged: readonly Acknowledgement[]
}

/**
 * Merges the steps of old runs by day or week. The rows of runs stay, with their figures and verdicts, and so
 * do the steps of accepted runs and of runs near a change. Without `--apply` it only says what it would do.
 */
export async function thinHistory(
  suite: string | undefined,
  options: HistoryOptions,
  world: World,
): Promise<number> {
  const suites = await readSuites(suite, options, world)
  const rules = await readRules(options, world)
  try {
    const plans = await withHistory(await placeOf(options, world), async (index) => {
      const found: ThinPlan[] = []
      for (const series of (await index.series(suite)).filter((one) => suites.has(one.suite))) {
        const plan = await planThinning(index, series, rules)
        if (options.apply) plan.merged = await applyPlan(index, plan)
        if (plan.old > 0) found.push(plan)
      }
      return found
    })
    print(plans, options, world)
    return exitCodes.pass.code
  } catch (error) {
    if (!(error instanceof HistoryUnavailable)) throw error
    world.stderr(`vigil: ${cleanText(error.message, 600)}\n`)
    return exitCodes.invalid.code
  }
}

/** The suites of the config: which runs of others are accepted is known where their config is. */
async function readSuites(
  suite: string | undefined,
  { config }: HistoryOptions,
  world: World,
): Promise<ReadonlySet<string>> {
  const read = await loadConfig(world.cwd, config)
  if (read.state === 'usage-error') throw new UsageError(cleanText(read.problem, 600))
  const suites = new Set(Object.keys(read.loaded.config.suites))
  if (suite !== undefined && !suites.has(suite))
    throw new UsageError(
      `--thin: found suite ${JSON.stringify(cleanText(suite, 80))}, expected one of the config: ` +
        [...suites].map((name) => cleanText(name, 80)).join(', '),
    )
  return suites
}

async function readRules({ config, thin = 0, by }: HistoryOptions, world: World): Promise<ThinRules> {
  const folder = storedFolder(resolve(world.cwd, config))
  const stored = await readStored(folder)
  const damaged = stored.find((one) => one.state === 'invalid')
  // Which runs a damaged baseline uses is unknown: merge none.
  if (damaged?.state === 'invalid') throw new UsageError(cleanText(damaged.problem, 600))
  const baselines = stored.flatMap((one) => (one.state === 'ok' ? [one.baseline] : []))
  const accepted = baselines.flatMap(({ runs, anchor }) => [...runs.map(({ id }) => id), ...anchor.runs])
  return {
    beforeMs: world.now() - thin * dayMs,
    periodMs: by === 'week' ? 7 * dayMs : dayMs,
    accepted: new Set(accepted),
    acknowledged: await readAcknowledged(folder),
  }
}

/** Only whole periods: what is merged is merged once. */
async function planThinning(
  index: RunHistory,
  series: Series,
  { beforeMs, periodMs, accepted, acknowledged }: ThinRules,
): Promise<ThinPlan> {
  const periodOf = (ms: number): number => Math.floor((ms - mondayMs) / periodMs) * periodMs + mondayMs
  const old = await index.detailed(series, periodOf(beforeMs))
  const changes = old.length === 0 ? new Set() : await runsNearChanges(index, series, acknowledged)
  const isAccepted = ({ id }: { id: string }): boolean => accepted.has(id)
  const isNear = (run: { id: string }): boolean => !isAccepted(run) && changes.has(run.id)
  const free = old.filter((run) => !isAccepted(run) && !isNear(run))
  return {
    ...series,
    merged: free.length,
    old: old.length,
    merge: new Map(
      [...Map.groupBy(free, ({ startedMs }) => periodOf(startedMs))].map(([at, runs]) => [
        at,
        runs.map(({ id }) => id),
      ]),
    ),
    kept: { accepted: old.filter(isAccepted).length, changes: old.filter(isNear).length },
  }
}

/** Weeks begin on a Monday, by UTC: 5 January 1970. */
const mondayMs = 4 * dayMs

/** Runs at changes of the whole run and of its steps, and as many around them as a level takes. */
async function runsNearChanges(
  index: RunHistory,
  series: Series,
  acknowledged: readonly Acknowledgement[],
): Promise<Set<string>> {
  const { entries } = await index.runs(series, Number.MAX_SAFE_INTEGER)
  const near = new Set(acknowledged.map(({ run }) => run))
  const add = (runs: readonly RunEntry[], metrics?: readonly HistoryMetric[]): void => {
    for (let from = 0; from === 0 || from + stretch.overlap < runs.length; from += stretch.runs) {
      const part = runs.slice(Math.max(0, from - stretch.overlap), from + stretch.runs)
      const { changes } = examineHistory(part.map(comparableOf), metrics === undefined ? {} : { metrics })
      for (const { within } of changes)
        for (const { id } of part.slice(Math.max(0, within[0] - minRuns), within[1] + minRuns + 1))
          near.add(id)
    }
  }
  add(entries)
  const entryOf = new Map(entries.map((entry) => [entry.id, entry]))
  for (const step of await index.steps(series)) {
    const runs = await index.step(series, step, { newest: Number.MAX_SAFE_INTEGER })
    add(
      runs.flatMap(({ run, figures }) => {
        const entry = entryOf.get(run)
        return entry === undefined ? [] : [withStep(entry, figures)]
      }),
      stepMetrics,
    )
  }
  return near
}

/** Keeps what could not be merged, such as runs of a user script that counts something itself. */
async function applyPlan(index: RunHistory, { merge, ...series }: ThinPlan): Promise<number> {
  let count = 0
  for (const [at, ids] of merge)
    for (let from = 0; from < ids.length; from += batch)
      count += await index.thin(series, ids.slice(from, from + batch), at)
  return count
}

function print(plans: readonly ThinPlan[], options: HistoryOptions, world: World): void {
  const { apply = false, by = 'day', thin } = options
  const rows = plans.map(({ merge, ...plan }) => ({
    ...plan,
    periods: merge.size,
  }))
  if (options.json) {
    printJson(world, { schema: 'vigil.thinned/1', applied: apply, by, series: rows })
    return
  }
  if (rows.length === 0) {
    world.stdout(`no run older than ${thin} days has details that could be merged\n`)
    return
  }
  const lines = rows.map(
    ({ suite, engine, environment, target, load, old, merged, periods, kept }) =>
      `${cleanText(suite, 80)}  ${cleanText(engine, 40)}, environment ${cleanText(environment, 40)}, ` +
      `${cleanText(load, 300)}, ${cleanText(target, 300)}\n` +
      `  ${old} old ${old === 1 ? 'run' : 'runs'}: the steps of ${merged} ` +
      `${apply ? 'merged' : 'would be merged'} to ${periods} ${by}${periods === 1 ? '' : 's'}; ` +
      `kept: ${kept.accepted} accepted, ${kept.changes} near a change\n`,
  )
  const ending = apply
    ? 'The figures and verdicts of all runs are kept.\n'
    : 'Nothing was changed. Repeat with --apply to merge; it cannot be undone.\n'
  world.stdout(lines.join('') + ending)
}
