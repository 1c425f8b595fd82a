import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { renderAll, terminalReport } from '../reports/index.ts'
import type { ReportInput } from '../reports/index.ts'
import { writeRecord, writeWhole } from '../record/store.ts'
import type { JudgedRun } from './judged-run.ts'
import type { Session } from './session.ts'
import { version } from './version.ts'
import type { World } from './world.ts'

/** The report of one load run. */
export function reportOfRun(title: string, { run, budgets, verdict, folder }: JudgedRun, notes: string[]): ReportInput {
  return { title, verdict, runs: [{ run, budgets, verdict }], notes, folder, vigilVersion: version() }
}

/** Writes a judged run's record and reports to its folder. Returns what could not be written, one line each. */
export async function writeRun(session: Session, judged: JudgedRun): Promise<string[]> {
  const record = await attempt(judged.folder, async () => writeRecord(judged.folder, judged.run))
  return [...record, ...(await writeReports(judged.folder, reportOfRun(`load ${judged.run.suite}`, judged, []), session.progress.warn))]
}

/** Writes every report of an input to a folder. Returns what could not be written; the verdict stands all the same. */
export async function writeReports(folder: string, input: ReportInput, warn: (text: string) => void): Promise<string[]> {
  const problems = await attempt(folder, async () => {
    await mkdir(folder, { recursive: true })
    for (const [name, text] of Object.entries(renderAll(input))) await writeWhole(join(folder, name), text)
  })
  for (const problem of problems) warn(problem)
  return problems
}

async function attempt(folder: string, write: () => Promise<void>): Promise<string[]> {
  try {
    await write()
    return []
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const why = code === 'ENOSPC' ? 'the disk is full' : error instanceof Error ? error.message : String(error)
    return [`${folder}: could not be written: ${why}; earlier files are untouched`]
  }
}

/** The summary a person reads, on stdout, or on stderr when stdout is for a JSON document. */
export function printSummary(world: World, input: ReportInput): void {
  world.stdout(terminalReport(input, { color: world.terminal.color, width: world.terminal.width }))
}

export function printJson(world: World, value: unknown): void {
  world.stdout(`${JSON.stringify(value, null, 2)}\n`)
}
