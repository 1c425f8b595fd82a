import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  examineHistory,
  findAcknowledgement,
  historyMetrics,
} from '../../../baselines/change-points/index.ts'
import type {
  Acknowledgement,
  ChangePointOptions,
  HistoryMetric,
} from '../../../baselines/change-points/index.ts'
import type { Budgets } from '../../../baselines/index.ts'
import { loadConfig, suggestName } from '../../../config/index.ts'
import {
  comparableOf,
  entryOfMerged,
  HistoryUnavailable,
  isScriptValue,
  withHistory,
  withStep,
} from '../../../record/history/index.ts'
import { exportHistory, importHistory } from './transfer.ts'
import type { RunEntry, RunHistory, Series } from '../../../record/history/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { runBatch } from '../../shared/batch.ts'
import { groupText, latestText, reachBudget } from './text.ts'
import type { HistoryGroup } from './text.ts'
import { readAcknowledged, storedFolder } from '../../shared/baselines.ts'
import type { HistoryOptions } from './command.ts'
import { writeHistoryPage } from './picture.ts'
import { placeOf } from './place.ts'
import { pruneHistory } from './prune.ts'
import { thinHistory } from './thin.ts'

/**
 * Shows runs over time and where their level changed. The exit code says only whether it could, not how they
 * were.
 */
export async function history(
  suite: string | undefined,
  options: HistoryOptions,
  world: World,
): Promise<number> {
  const metric = metricOf(options.metric)
  const changePoints: ChangePointOptions = metric === undefined ? {} : { metrics: [metric] }
  if (options.batch !== undefined) return runBatch(options.batch, world, { kind: 'history', changePoints })
  if (options.thin !== undefined) return thinHistory(suite, options, world)
  if (options.apply || options.by !== undefined)
    throw new UsageError('--apply and --by: found no --thin, expected --thin <days> with them')
  if (options.prune) return pruneHistory(options, world)
  if (options.export !== undefined || options.import !== undefined)
    return transferHistory(suite, options, world)
  const acknowledged = await readAcknowledged(storedFolder(resolve(world.cwd, options.config)))
  const found = await lookInto(suite, options, { changePoints, acknowledged }, world)
  if (found.state === 'unavailable') {
    world.stderr(`vigil: ${cleanText(found.problem, 600)}\n`)
    return exitCodes.invalid.code
  }
  const { latest, groups, setAside } = found
  for (const problem of setAside) world.stderr(`vigil: set aside: ${cleanText(problem)}\n`)
  if (latest.length === 0)
    throw new UsageError(
      `${options.out}/runs: no run${suite === undefined ? '' : ` of suite ${cleanText(suite, 80)}`} ` +
        `there yet: make one with 'vigil load' or 'vigil gate'`,
    )
  if (options.html !== undefined) return writeHistoryPage(groups, metric ?? 'p95Ms', options.html, world)
  if (options.json)
    printJson(
      world,
      options.latest
        ? { schema: 'vigil.history/1', latest, setAside }
        : { schema: 'vigil.history/1', groups: groups.map(documentOf), setAside },
    )
  else
    world.stdout(
      options.latest
        ? latestText(latest)
        : groups
            .map((group) => groupText(group, metric ?? 'p95Ms', world.terminal.width))
            .join('\n\n')
            .concat('\n'),
    )
  return exitCodes.pass.code
}

interface ChangeRules {
  changePoints: ChangePointOptions
  acknowledged: readonly Acknowledgement[]
}

type HistoryResult =
  | { state: 'found'; latest: RunEntry[]; groups: HistoryGroup[]; setAside: string[] }
  | { state: 'unavailable'; problem: string }

async function lookInto(
  suite: string | undefined,
  options: HistoryOptions,
  rules: ChangeRules,
  world: World,
): Promise<HistoryResult> {
  const budgetsOf = await readBudgets(options, world)
  const where = await placeOf(options, world)
  try {
    return await withHistory(where, async (index) => ({
      state: 'found',
      latest: await newestRuns(index, suite),
      groups: options.latest ? [] : await groupsOf(index, suite, options, rules, budgetsOf),
      setAside: (await index.setAside()).map(({ problem }) => problem),
    }))
  } catch (error) {
    if (error instanceof HistoryUnavailable) return { state: 'unavailable', problem: error.message }
    throw error
  }
}

/** Writes history to a file, or takes in what was written. */
async function transferHistory(
  suite: string | undefined,
  { export: to, import: from, ...options }: HistoryOptions,
  world: World,
): Promise<number> {
  if (to !== undefined && from !== undefined)
    throw new UsageError('--export: found --import too, expected one of them')
  const file = resolve(world.cwd, to ?? from ?? '')
  try {
    const count = await withHistory(await placeOf(options, world), async (index) =>
      to === undefined ? importHistory(index, file) : exportHistory(index, suite, file),
    )
    world.stdout(
      `${count} ${count === 1 ? 'run' : 'runs'} ${to === undefined ? 'read from' : 'written to'} ${file}\n`,
    )
    return exitCodes.pass.code
  } catch (error) {
    if (!(error instanceof HistoryUnavailable)) throw error
    world.stderr(`vigil: ${cleanText(error.message, 600)}\n`)
    return exitCodes.invalid.code
  }
}

/** The budgets of a suite by the config, if there is one that can be read: history does not need it. */
async function readBudgets({ config }: HistoryOptions, world: World): Promise<(suite: string) => Budgets> {
  if (!existsSync(resolve(world.cwd, config))) return () => ({})
  const read = await loadConfig(world.cwd, config)
  if (read.state === 'usage-error') return () => ({})
  const { suites, budgets = {} } = read.loaded.config
  return (suite) => suites[suite]?.budgets ?? budgets
}

function metricOf(name: string | undefined): HistoryMetric | undefined {
  const metric = historyMetrics.find((known) => known === name)
  if (name !== undefined && metric === undefined)
    throw new UsageError(
      `--metric: found ${JSON.stringify(cleanText(name, 80))}, expected one of ` +
        `${historyMetrics.join(', ')}${suggestName(name, historyMetrics)}`,
    )
  return metric
}

// Probes have a history of their own: vigil uptime.
async function newestRuns(index: RunHistory, suite: string | undefined): Promise<RunEntry[]> {
  return (await index.latest(suite)).filter(({ engine }) => engine !== 'probe')
}

async function groupsOf(
  index: RunHistory,
  suite: string | undefined,
  options: Pick<HistoryOptions, 'runs' | 'step'>,
  { changePoints, acknowledged }: ChangeRules,
  budgetsOf: (suite: string) => Budgets,
): Promise<HistoryGroup[]> {
  const groups: HistoryGroup[] = []
  for (const series of await index.series(suite)) {
    if (series.engine === 'probe') continue
    const { entries, all } = await index.runs(series, options.runs)
    const { step } = options
    const shown = step === undefined ? entries : await entriesOfStep(index, series, step, entries)
    if (shown.length === 0) continue
    const budgets = budgetsOf(series.suite)
    const ids = shown.map(({ id }) => id)
    const examined = examineHistory(shown.map(comparableOf), changePoints)
    groups.push({
      ...series,
      all,
      runs: shown,
      ...examined,
      changes: examined.changes.map((change) => {
        const known = findAcknowledgement(acknowledged, series.suite, change, ids)
        return known === undefined ? change : { ...change, acknowledged: known }
      }),
      budgets: step === undefined ? budgets : (budgets.steps?.[step] ?? {}),
      isPlain: step !== undefined && isScriptValue(step),
    })
  }
  if (groups.length === 0 && options.step !== undefined) throw await unknownStep(index, suite, options.step)
  return groups
}

async function entriesOfStep(
  index: RunHistory,
  series: Series,
  step: string,
  entries: readonly RunEntry[],
): Promise<RunEntry[]> {
  const runs = await index.step(series, step, { newest: entries.length })
  const own = new Map(entries.map((entry) => [entry.id, entry]))
  return runs.flatMap((one) => {
    if (one.merged !== undefined) return [entryOfMerged({ ...one, merged: one.merged }, series)]
    const entry = own.get(one.run)
    return entry === undefined ? [] : [withStep(entry, one.figures)]
  })
}

async function unknownStep(index: RunHistory, suite: string | undefined, step: string): Promise<UsageError> {
  const known = await Promise.all((await index.series(suite)).map(async (series) => index.steps(series)))
  const names = [...new Set(known.flat())]
  return new UsageError(
    `--step: found ${JSON.stringify(cleanText(step, 80))}, expected a step of these runs` +
      (names.length === 0
        ? ', which have none yet'
        : `: ${names.map((name) => cleanText(name, 80)).join(', ')}`),
  )
}

function documentOf({ runs, changes, drifts, budgets, isPlain: _isPlain, ...series }: HistoryGroup): object {
  const points = runs.map(
    ({ id, startedAt, state, verdict, revision, requests, errorRate, throughputRps, latency }) => ({
      id,
      startedAt,
      valid: state === 'valid',
      verdict,
      revision,
      requests,
      errorRate,
      throughputRps,
      ...latency,
    }),
  )
  return {
    ...series,
    runs: points,
    changes: changes.map(({ within, acknowledged, ...change }) => ({
      ...change,
      run: runs[change.index]?.id,
      within: within.map((at) => runs[at]?.id),
      ...(acknowledged && { acknowledged: { reason: acknowledged.reason, owner: acknowledged.owner } }),
    })),
    drifts: drifts.map((drift) => ({
      ...drift,
      runs: [runs[drift.from]?.id, runs[drift.to]?.id],
      ...reachBudget(drift, runs, budgets),
    })),
  }
}
