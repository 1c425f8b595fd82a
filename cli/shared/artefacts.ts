import { join } from 'node:path'
import { mkdir, readFile } from 'node:fs/promises'
import { renderAll, terminalReport } from '../../reports/index.ts'
import type { ReportInput } from '../../reports/index.ts'
import type { Run } from '../../record/index.ts'
import { writeRecord, writeWhole } from '../../record/store.ts'
import type { ProbesReport } from '../../record/probe.ts'
import { parseProbes } from '../../record/read-probe.ts'
import { diskProblem } from './disk.ts'
import { runReportOf } from './judged-run.ts'
import type { JudgedRun } from './judged-run.ts'
import { version } from './version.ts'
import type { World } from './world.ts'

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
    return { state: 'refused', problem: `${file}: not there, expected what the probes of this run found` }
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
