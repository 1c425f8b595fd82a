import { join } from 'node:path'
import { mkdir, readFile } from 'node:fs/promises'
import { renderAll, terminalReport } from '../../reports/index.ts'
import type { ReportInput, RunReport } from '../../reports/index.ts'
import type { Run, ProbesReport } from '../../record/index.ts'
import { writeRecord, writeWhole } from '../../record/store.ts'
import { parseProbes } from '../../record/documents/index.ts'
import { diskProblem, version, printJson } from './world.ts'
import type { World } from './world.ts'
import type { BaselineFigures } from '../../baselines/accepted/index.ts'
import type { Budgets, Verdict, VerdictRow } from '../../baselines/index.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import type { Session } from './session.ts'

/** What probes found, beside their record, so that reports can be made again. */
const probesFile = 'probes.json'

/** The report of one load run. */
export function reportOfRun(title: string, judged: JudgedRun, notes: string[]): ReportInput {
  return {
    title,
    verdict: judged.verdict,
    runs: [runReportOf(judged)],
    notes: [...(judged.notes ?? []), ...notes],
    folder: judged.folder,
    vigilVersion: version(),
  }
}

/** Writes a judged run's record and reports to its folder. Returns what could not be written, one line each. */
export async function writeRun(judged: JudgedRun): Promise<string[]> {
  const record = await attempt(judged.folder, async () => writeRecord(judged.folder, judged.run))
  return [
    ...record,
    ...(await writeReports(judged.folder, reportOfRun(`load ${judged.run.suite}`, judged, []))),
  ]
}

/** Writes what probes found and its record. Returns what could not be written, one line each. */
export async function writeProbes(folder: string, probes: ProbesReport, run: Run): Promise<string[]> {
  return attempt(folder, async () => {
    await writeRecord(folder, run)
    await writeWhole(join(folder, probesFile), `${JSON.stringify(probes)}\n`)
  })
}

/** Reads back what `writeProbes` wrote. */
export async function readProbes(folder: string): Promise<ReturnType<typeof parseProbes>> {
  const file = join(folder, probesFile)
  try {
    return parseProbes(await readFile(file, 'utf8'), file)
  } catch {
    return { state: 'invalid', problem: `${file}: not there, expected what the probes of this run found` }
  }
}

/** Writes every report of an input to a folder. Returns what could not be written; the verdict stands all the same. */
export async function writeReports(folder: string, input: ReportInput): Promise<string[]> {
  return attempt(folder, async () => {
    for (const [name, text] of Object.entries(renderAll(input))) await writeWhole(join(folder, name), text)
  })
}

/** Writes into a folder, which it makes. Returns what could not be written, one line each. */
export async function attempt(folder: string, write: () => Promise<void>): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true })
    await write()
    return []
  } catch (error) {
    return [
      diskProblem(error, folder) ??
        `${folder}: could not be written: ${error instanceof Error ? error.message : String(error)}`,
    ]
  }
}

/** The summary a person reads, on stdout. */
export function printSummary(world: World, input: ReportInput): void {
  world.stdout(terminalReport(input, { color: world.terminal.color, width: world.terminal.width }))
}

/** A load run, judged, and the folder that its files go to. */
export interface JudgedRun {
  run: Run
  budgets: Budgets
  verdict: Verdict
  folder: string
  /** The levels it was held against, when runs were accepted of its suite here. */
  baseline?: BaselineFigures
  /** For whoever reads its report: what it was not held against, and how it could be. */
  notes?: string[]
}

/** What a report says of a judged run. */
export function runReportOf({ run, budgets, verdict, baseline }: JudgedRun): RunReport {
  return { run, budgets, verdict, ...(baseline && { baseline }) }
}

/** What a command came to, once its files are written. */
export interface Conclusion {
  input: ReportInput
  /** The one document that `--json` prints. */
  document: unknown
  /** What could not be written, one line each: such a run is not to be relied on, whatever its verdict. */
  problems: readonly string[]
}

/** Says how a command ended, to a person or to a program. Returns the exit code. */
export function conclude(
  { world, progress }: Session,
  json: boolean,
  { input, document, problems }: Conclusion,
): number {
  for (const problem of problems) progress.warn(problem)
  if (json) printJson(world, document)
  else printSummary(world, input)
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(input.verdict.verdict)
}

/** What pushing came to: notes for the reader, and a row when a push that was required failed. */
export interface Pushes {
  notes: string[]
  rows: VerdictRow[]
}

/** Pushes the metrics of judged runs when a Pushgateway is configured. Its failure changes no verdict unless it is required. */
export async function pushRuns(
  session: Session,
  runs: readonly JudgedRun[],
  required: boolean,
): Promise<Pushes> {
  const { pushgateway } = session.loaded.config
  // Half a run must not stand on a Pushgateway as the last one.
  if (session.world.interrupted.aborted) return { notes: [], rows: [] }
  const require = required || (pushgateway?.require ?? false)
  if (!pushgateway)
    return require
      ? failed('no Pushgateway is configured: set pushgateway.url', true)
      : { notes: [], rows: [] }
  const { groupingLabelsFor, openMetricsReport } = await import('../../reports/prometheus/index.ts')
  const { pushMetrics } = await import('../../runtime/pushgateway/index.ts')
  for (const judged of runs) {
    const pushed = await pushMetrics({
      url: pushgateway.url,
      text: openMetricsReport({ runs: [runReportOf(judged)] }),
      grouping: groupingLabelsFor(judged.run),
      signal: session.world.interrupted,
    })
    if (pushed.state === 'failed') {
      const message = `metrics of ${judged.run.suite} were not pushed: ${pushed.reason}; they are kept in metrics.prom`
      session.progress.warn(message)
      return failed(message, require)
    }
  }
  return { notes: runs.length > 0 ? ['metrics were pushed'] : [], rows: [] }
}

function failed(message: string, require: boolean): Pushes {
  return {
    notes: [message],
    rows: require ? [{ rule: 'push', step: null, metric: 'push', status: 'invalid', message }] : [],
  }
}
