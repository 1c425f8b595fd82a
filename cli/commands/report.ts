import { resolve } from 'node:path'
import { judgeRun } from '../../baselines/index.ts'
import { listRuns, readRecord } from '../../record/store.ts'
import { printJson, printSummary, reportOfRun, writeReports } from '../artefacts.ts'
import { exitCodes } from '../exit-codes.ts'
import type { JudgedRun } from '../judged-run.ts'
import { openSession } from '../session.ts'
import type { CommonOptions } from '../options.ts'
import { Misuse } from '../world.ts'
import type { World } from '../world.ts'

/** Writes the reports of a stored run again, judged by the budgets that the config holds now. */
export async function report(name: string | undefined, options: CommonOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const { config } = session.loaded
  const stored = await readRecord(await recordPath(name, session.out, world.cwd))
  if (stored.state === 'refused') throw new Misuse(stored.problem)
  const budgets = config.suites[stored.run.suite]?.budgets ?? config.budgets ?? {}
  const judged: JudgedRun = { run: stored.run, budgets, verdict: judgeRun(stored.run, budgets), folder: stored.folder }
  const input = reportOfRun(`load ${stored.run.suite}`, judged, [])
  const problems = await writeReports(stored.folder, input, session.progress.warn)
  if (options.json) printJson(world, judged.verdict)
  else printSummary(world, input)
  return problems.length > 0 ? exitCodes.invalid.code : exitCodes.pass.code
}

/** A path as it is given, an id under `<out>/runs/`, or the newest run there. */
async function recordPath(name: string | undefined, out: string, cwd: string): Promise<string> {
  const ids = await listRuns(out)
  if (name === undefined) {
    const [newest] = ids
    if (newest === undefined) throw new Misuse(`${out}/runs: no run there yet: make one with 'vigil load' or 'vigil gate'`)
    return resolve(out, 'runs', newest)
  }
  return ids.includes(name) ? resolve(out, 'runs', name) : resolve(cwd, name)
}
