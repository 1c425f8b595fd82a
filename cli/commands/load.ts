import { join } from 'node:path'
import { reportOfRun, writeRun } from '../artefacts.ts'
import { conclude } from '../conclude.ts'
import { findEngine } from '../engines.ts'
import { measureSuite, unmeasuredRun } from '../measure.ts'
import type { JudgedRun } from '../judged-run.ts'
import type { CommonOptions } from '../options.ts'
import { newRunId } from '../run-id.ts'
import { openSession, withTarget } from '../session.ts'
import { suitePlan } from '../suites.ts'
import type { SuiteChanges } from '../suites.ts'
import type { World } from '../world.ts'
import { withBaseline } from './baseline-held.ts'
import { keepInHistory } from './history-keep.ts'

export type LoadOptions = CommonOptions & SuiteChanges

/** One load run: its record and reports written, its budgets judged. */
export async function load(name: string | undefined, options: LoadOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const plan = suitePlan(session.loaded.config, name, options)
  const found = await findEngine(plan.suite.engine, session)
  const id = newRunId(session, plan.name)
  const reached = await withTarget(
    session,
    { load: true, logFile: join(session.out, 'runs', id, 'target.log') },
    async () => measureSuite(session, plan, found, id),
  )
  const measured: JudgedRun =
    reached.state === 'used' ? reached.result : await unmeasuredRun(session, plan, id, reached.reason)
  const judged = await withBaseline(session, measured)
  const problems = await writeRun(judged)
  await keepInHistory(session)
  return conclude(session, options.json ?? false, {
    input: reportOfRun(`load ${plan.name}`, judged, problems),
    document: judged.run,
    problems,
  })
}
