import { join, resolve } from 'node:path'
import { renderAll, terminalReport } from '../../reports/index.ts'
import type { ReportInput, RunReport } from '../../reports/index.ts'
import type { Run, ProbesReport } from '../../record/index.ts'
import { makeFolder, readText, TextError, writeRecord, writeWhole } from '../../record/store/index.ts'
import { jsonOf, parseProbes } from '../../record/documents/index.ts'
import { errorMessage, diskProblem, version, printJson } from './world.ts'
import type { World } from './world.ts'
import type { BaselineFigures } from '../../baselines/accepted/index.ts'
import type { GateMode } from '../../config/index.ts'
import type { SuiteNoise } from '../../baselines/noise/index.ts'
import type { Budgets, Verdict, VerdictRow } from '../../baselines/index.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import type { Session } from './session.ts'

/** The results of probes, next to their record, so that reports can be written again. */
const probesFile = 'probes.json'

/** The report of one load run. */
export function toReportInput(
  title: string,
  judged: JudgedRun,
  notes: string[],
  command?: readonly string[],
): ReportInput {
  return {
    title,
    ...(command && { command }),
    verdict: judged.verdict,
    runs: [toRunReport(judged)],
    notes: [...(judged.run.notes ?? []), ...(judged.notes ?? []), ...notes],
    folder: judged.folder,
    vigilVersion: version(),
  }
}

/**
 * Writes a judged run's record and reports to its folder. Returns what could not be written, one line each.
 */
export async function writeRun(judged: JudgedRun): Promise<string[]> {
  const record = await tryWrite(judged.folder, async () => writeRecord(judged.folder, judged.run))
  return [
    ...record,
    ...(await writeReports(judged.folder, toReportInput(`load ${judged.run.suite}`, judged, []))),
  ]
}

/** Writes the results of probes and their record. Returns what could not be written, one line each. */
export async function writeProbes(folder: string, probes: ProbesReport, run: Run): Promise<string[]> {
  return tryWrite(folder, async () => {
    await writeRecord(folder, run)
    await writeWhole(join(folder, probesFile), `${JSON.stringify(probes)}\n`)
  })
}

/** Reads back what `writeProbes` wrote. */
export async function readProbes(folder: string): Promise<ReturnType<typeof parseProbes>> {
  const file = join(folder, probesFile)
  try {
    return parseProbes(await readText(file), file)
  } catch (error) {
    if (error instanceof TextError) return { state: 'invalid', problem: error.message }
    return { state: 'invalid', problem: `${file}: not found, expected the results of this run's probes` }
  }
}

/** Writes every report to a folder. Returns what could not be written, which does not change the verdict. */
export async function writeReports(folder: string, input: ReportInput): Promise<string[]> {
  return tryWrite(folder, async () => {
    for (const [name, text] of Object.entries(renderAll(input))) await writeWhole(join(folder, name), text)
  })
}

/** The files of a folder that a program, or a CI that uploads them, looks for. */
export function reportPaths(folder: string): Record<'html' | 'markdown' | 'junit' | 'metrics', string> {
  return {
    html: join(folder, 'report.html'),
    markdown: join(folder, 'report.md'),
    junit: join(folder, 'junit.xml'),
    metrics: join(folder, 'metrics.prom'),
  }
}

/** Ids of a gate's runs, in its folder. */
const gateRunsFile = 'runs.json'

/** Writes the reports of a gate, and what they are written from again: its runs and probes. */
export async function writeGate(folder: string, input: ReportInput): Promise<string[]> {
  const ids = JSON.stringify(input.runs.map(({ run }) => run.id))
  const written = await tryWrite(folder, async () => {
    await writeWhole(join(folder, gateRunsFile), `${ids}\n`)
    if (input.probes) await writeWhole(join(folder, probesFile), `${JSON.stringify(input.probes)}\n`)
  })
  return [...(await writeReports(folder, input)), ...written]
}

/** A gate by its id or its folder; undefined for anything else. */
export async function findGate(
  { out, world }: Session,
  name: string,
): Promise<{ folder: string; runs: string[] } | undefined> {
  for (const folder of [join(out, 'gates', name), resolve(world.cwd, name)]) {
    const runs = await readGateRuns(folder)
    if (runs !== undefined) return { folder, runs }
  }
  return undefined
}

/** Ids of the runs of a gate, by its folder; undefined for a folder of anything else. */
async function readGateRuns(folder: string): Promise<string[] | undefined> {
  const text = await readText(join(folder, gateRunsFile)).catch(() => '[')
  const json = jsonOf(text)
  const ids: unknown = json.state === 'ok' ? json.value : undefined
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : undefined
}

/** Creates a folder and writes into it. Returns what could not be written, one line each. */
export async function tryWrite(folder: string, write: () => Promise<void>): Promise<string[]> {
  try {
    await makeFolder(folder)
    await write()
    return []
  } catch (error) {
    return [diskProblem(error, folder) ?? `${folder}: could not be written: ${errorMessage(error)}`]
  }
}

/** Prints the summary for people on stdout. */
export function printSummary(world: World, input: ReportInput): void {
  world.stdout(terminalReport(input, { color: world.terminal.color, width: world.terminal.width }))
}

/** A judged load run, and the folder for its files. */
export interface JudgedRun {
  run: Run
  budgets: Budgets
  verdict: Verdict
  folder: string
  /** The levels it was compared with, if runs of its suite were accepted here. */
  baseline?: BaselineFigures
  /** The noise of its suite on this machine, if it was measured. */
  noise?: SuiteNoise
  /** For readers of its report: what it was not compared with, and what to do about it. */
  notes?: string[]
}

/** The part of a judged run that reports show. */
export function toRunReport({ run, budgets, verdict, baseline, noise }: JudgedRun): RunReport {
  return { run, budgets, verdict, ...(baseline && { baseline }), ...(noise && { noise }) }
}

/** The result of a command, once its files are written. */
export interface Conclusion {
  input: ReportInput
  /** The one document that `--json` prints. */
  document: unknown
  /** What could not be written, one line each: then the exit code is 4, whatever the verdict. */
  problems: readonly string[]
  mode?: GateMode
}

/** Prints the result of a command, for people or for programs. Returns the exit code. */
export function conclude(
  { world, progress }: Session,
  json: boolean,
  { input, document, problems, mode }: Conclusion,
): number {
  for (const problem of problems) progress.warn(problem)
  if (json) printJson(world, document)
  else printSummary(world, input)
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(input.verdict.verdict, mode)
}

/** The result of pushing metrics: notes for the report, and a row if a required push failed. */
export interface PushResult {
  notes: string[]
  rows: VerdictRow[]
}

/**
 * Pushes the metrics of judged runs, if a Pushgateway is configured. A failure changes the verdict only if
 * required.
 */
export async function pushRuns(
  session: Session,
  runs: readonly JudgedRun[],
  required: boolean,
): Promise<PushResult> {
  const { pushgateway } = session.loaded.config
  // An incomplete run must not become the latest one on the Pushgateway.
  if (session.world.interrupted.aborted) return { notes: [], rows: [] }
  const require = required || (pushgateway?.require ?? false)
  if (!pushgateway)
    return require
      ? failed('no Pushgateway is configured: set pushgateway.url', true)
      : { notes: [], rows: [] }
  const { groupingLabelsFor, openMetricsReport, toPushedMetrics } =
    await import('../../reports/prometheus/index.ts')
  const { pushMetrics } = await import('../../runtime/pushgateway/index.ts')
  const { encodeFamilies } = await import('../../runtime/exposition/index.ts')
  for (const judged of runs) {
    const report = toRunReport(judged)
    const { families, native } = toPushedMetrics(report)
    const pushed = await pushMetrics({
      url: pushgateway.url,
      text: openMetricsReport({ runs: [report] }),
      protobuf: pushgateway.nativeHistograms === true ? encodeFamilies(families, native) : undefined,
      grouping: groupingLabelsFor(judged.run),
      signal: session.world.interrupted,
    })
    if (pushed.state === 'failed') {
      const { suite } = judged.run
      const message = `metrics of ${suite} were not pushed: ${pushed.reason}; they are in metrics.prom`
      session.progress.warn(message)
      return failed(message, require)
    }
  }
  return { notes: runs.length > 0 ? ['metrics were pushed'] : [], rows: [] }
}

function failed(message: string, require: boolean): PushResult {
  return {
    notes: [message],
    rows: require ? [{ rule: 'push', step: null, metric: 'push', status: 'invalid', message }] : [],
  }
}
