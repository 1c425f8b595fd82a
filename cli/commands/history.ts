import { resolve } from 'node:path'
import { changePoints, historyMetrics, leastRuns } from '../../baselines/change-points/index.ts'
import type { ChangePoint, ChangePointOptions, HistoryMetric } from '../../baselines/change-points/index.ts'
import type { Run } from '../../record/index.ts'
import { nearest } from '../../config/names.ts'
import { listRuns, readRecord } from '../../record/store.ts'
import { plain } from '../../reports/wording/index.ts'
import { printJson } from '../artefacts.ts'
import { exitCodes } from '../exit-codes.ts'
import { Misuse } from '../world.ts'
import type { World } from '../world.ts'
import { runBatch } from './batch.ts'

export interface HistoryOptions {
  metric?: string
  batch?: string
  out: string
  json?: boolean
}

/** Runs over time and where their level changed. Tells; does not judge: the exit code says only whether it could be told. */
export async function history(suite: string | undefined, options: HistoryOptions, world: World): Promise<number> {
  const metric = metricOf(options.metric)
  const looked: ChangePointOptions = metric === undefined ? {} : { metrics: [metric] }
  if (options.batch !== undefined) return runBatch(options.batch, world, { kind: 'history', looked })
  const { runs, setAside } = await storedRuns(suite, options.out, world)
  for (const problem of setAside) world.stderr(`vigil: set aside: ${plain(problem)}\n`)
  if (runs.length === 0) throw new Misuse(`${options.out}/runs: no run${suite === undefined ? '' : ` of suite ${plain(suite, 80)}`} there yet: make one with 'vigil load' or 'vigil gate'`)
  const groups = groupsOf(runs).map((group) => ({ ...group, changes: changePoints(group.runs, looked) }))
  if (options.json) printJson(world, { schema: 'vigil.history/1', groups: groups.map(documentOf), setAside })
  else world.stdout(`${groups.map((group) => groupText(group, metric ?? 'p95Ms')).join('\n\n')}\n`)
  return exitCodes.pass.code
}

function metricOf(name: string | undefined): HistoryMetric | undefined {
  const metric = historyMetrics.find((known) => known === name)
  if (name !== undefined && metric === undefined) throw new Misuse(`--metric: found ${JSON.stringify(plain(name, 80))}, expected one of ${historyMetrics.join(', ')}${nearest(name, historyMetrics)}`)
  return metric
}

/** The runs kept, oldest first. What cannot be read is set aside and named, and the rest is used. */
async function storedRuns(suite: string | undefined, out: string, world: World): Promise<{ runs: Run[]; setAside: string[] }> {
  const folder = resolve(world.cwd, out)
  const runs: Run[] = []
  const setAside: string[] = []
  for (const id of (await listRuns(folder)).toReversed()) {
    const stored = await readRecord(resolve(folder, 'runs', id))
    if (stored.state === 'refused') setAside.push(stored.problem)
    else if (stored.run.engine !== 'probe' && (suite === undefined || stored.run.suite === suite)) runs.push(stored.run)
  }
  return { runs: runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt)), setAside }
}

/** Runs that can be held against each other: one suite, one engine, one environment. */
interface Group {
  suite: string
  engine: string
  environment: string
  runs: Run[]
}

function groupsOf(runs: readonly Run[]): Group[] {
  const groups = new Map<string, Group>()
  for (const run of runs) {
    const { suite, engine, environment } = run
    const key = JSON.stringify([suite, engine, environment.fingerprint])
    const group = groups.get(key) ?? { suite, engine, environment: environment.fingerprint, runs: [] }
    group.runs.push(run)
    groups.set(key, group)
  }
  return [...groups.values()]
}

type Told = Group & { changes: ChangePoint[] }

function documentOf({ suite, engine, environment, runs, changes }: Told): object {
  const points = runs.map(({ id, startedAt, validity, interrupted, totals }) => ({ id, startedAt, valid: validity.valid && interrupted !== true, requests: totals.requests, errorRate: totals.errorRate, throughputRps: totals.throughputRps, ...totals.latency }))
  return { suite, engine, environment, runs: points, changes: changes.map((change) => ({ ...change, run: runs[change.index]?.id })) }
}

/** Lines of the newest runs that a person still reads. */
const mostLines = 20

function groupText({ suite, engine, environment, runs, changes }: Told, metric: HistoryMetric): string {
  const shown = runs.slice(-mostLines)
  const first = runs.length - shown.length
  const most = Math.max(...shown.map((run) => valueOf(run, metric)))
  const lines = shown.map((run, index) => {
    const here = changes.filter((change) => change.index === first + index)
    const value = valueOf(run, metric)
    const bar = '▪'.repeat(most > 0 ? Math.round((value / most) * 20) : 0)
    const state = run.interrupted ? 'interrupted' : run.validity.valid ? '' : 'invalid'
    return [...here.map((change) => `  ─ ${changeText(change)}`), `  ${run.startedAt.slice(0, 16).replace('T', ' ')}  ${metric} ${figure(value).padStart(7)}  ${bar}${state === '' ? '' : `  ${state}`}`].join('\n')
  })
  const older = changes.filter((change) => change.index < first).map((change) => `  ─ ${changeText(change)}, at run ${plain(runs[change.index]?.id ?? '', 80)}`)
  const few = runs.length < 2 * leastRuns ? [`  ${runs.length} runs: changes are looked for from ${2 * leastRuns} on`] : []
  return [`${plain(suite, 80)}  ${plain(engine, 40)}, environment ${plain(environment, 40)}: ${runs.length} runs, ${changes.length} changes`, ...few, ...older, ...lines].join('\n')
}

function changeText({ metric, before, after, pValue }: ChangePoint): string {
  const percent = before > 0 ? ` (${after >= before ? '+' : '−'}${Math.abs((after / before - 1) * 100).toFixed(0)} %)` : ''
  return `${metric} ${figure(before)} → ${figure(after)}${percent}, about here, p ${pValue.toPrecision(1)}`
}

function valueOf({ totals }: Run, metric: HistoryMetric): number {
  return metric === 'errorRate' || metric === 'throughputRps' ? totals[metric] : totals.latency[metric]
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)))
}
