import { resolve } from 'node:path'
import { judgeRun } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { listRuns, readRecord } from '../../../record/store/index.ts'
import type { ReportInput } from '../../../reports/index.ts'
import { conclude, findGate, readProbes, toReportInput, writeReports } from '../../shared/artefacts.ts'
import type { JudgedRun } from '../../shared/artefacts.ts'
import { gateReport } from './gate.ts'
import { exitCodes } from '../../exit-codes.ts'
import { judgeProbes } from '../../shared/probing.ts'
import { openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import type { CommonOptions } from '../../shared/options.ts'
import { version, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { withBaseline } from '../../shared/baselines.ts'

/** Writes the reports of a stored run or gate again, judged by the current budgets of the config. */
export async function report(
  name: string | undefined,
  options: CommonOptions,
  world: World,
): Promise<number> {
  const session = await openSession(options, world, 'files')
  const { input, folder } = await readInput(session, name)
  const problems = await writeReports(folder, input)
  conclude(session, options.json ?? false, { input, document: input.verdict, problems })
  // The user wanted reports, not a verdict.
  return problems.length > 0 ? exitCodes.invalid.code : exitCodes.pass.code
}

async function readInput(
  session: Session,
  name: string | undefined,
): Promise<{ input: ReportInput; folder: string }> {
  const gate = name === undefined ? undefined : await findGate(session, name)
  if (gate !== undefined) {
    const judge = async (path: string): Promise<JudgedRun> => {
      const { run, folder } = await readStored(path)
      return judgeStored(run, folder, session)
    }
    return { input: await gateReport(session, gate, judge), folder: gate.folder }
  }
  const { run, folder } = await readStored(await recordPath(name, session.out, session.world.cwd))
  if (run.engine === 'probe') return { input: await probeReport(run, folder), folder }
  const judged = await judgeStored(run, folder, session)
  return { input: toReportInput(`load ${run.suite}`, judged, []), folder }
}

async function readStored(path: string): Promise<{ run: Run; folder: string }> {
  const stored = await readRecord(path)
  if (stored.state === 'invalid') throw new UsageError(stored.problem)
  return stored
}

/** By the current budgets of the config. */
async function judgeStored(run: Run, folder: string, session: Session): Promise<JudgedRun> {
  const { config } = session.loaded
  const budgets = config.suites[run.suite]?.budgets ?? config.budgets ?? {}
  return withBaseline(session, { run, budgets, verdict: judgeRun(run, budgets), folder })
}

async function probeReport(run: Run, folder: string): Promise<ReportInput> {
  const probes = await readProbes(folder)
  if (probes.state === 'invalid') throw new UsageError(probes.problem)
  return {
    title: 'probe',
    verdict: judgeProbes(probes.report, 'no probe was run', run.id),
    runs: [],
    probes: probes.report,
    notes: [],
    folder,
    vigilVersion: version(),
  }
}

/** The path of a run: of the given id under `<out>/runs/`, the given path, or the newest run. */
async function recordPath(name: string | undefined, out: string, cwd: string): Promise<string> {
  const ids = await listRuns(out)
  if (name === undefined) {
    const [newest] = ids
    if (newest === undefined)
      throw new UsageError(`${out}/runs: no run there yet: make one with 'vigil load' or 'vigil gate'`)
    return resolve(out, 'runs', newest)
  }
  return ids.includes(name) ? resolve(out, 'runs', name) : resolve(cwd, name)
}
