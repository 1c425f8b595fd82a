import { join } from 'node:path'
import { printJson, printSummary, reportOfRun, writeRun } from '../artefacts.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { measureSuite, newRunId, unmeasuredRun } from '../measure.ts'
import type { JudgedRun } from '../judged-run.ts'
import type { CommonOptions } from '../options.ts'
import { openSession, withTarget } from '../session.ts'
import { suitePlan } from '../suites.ts'
import type { SuiteChanges } from '../suites.ts'
import type { World } from '../world.ts'

export type LoadOptions = CommonOptions & SuiteChanges

/** One load run: its record and reports written, its budgets judged. */
export async function load(name: string | undefined, options: LoadOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const plan = suitePlan(session.loaded.config, name, options)
  const id = newRunId(session, plan.name)
  const reached = await withTarget(session, { load: true, logFile: join(session.out, 'runs', id, 'target.log') }, async () => measureSuite(session, plan, id))
  const judged: JudgedRun = reached.state === 'used' ? reached.result : await unmeasuredRun(session, plan, id, reached.reason)
  const problems = await writeRun(session, judged)
  if (options.json) printJson(world, judged.run)
  else printSummary(world, reportOfRun(`load ${plan.name}`, judged, problems))
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(judged.verdict.verdict)
}
