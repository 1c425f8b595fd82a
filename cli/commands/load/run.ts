import { join } from 'node:path'
import { reportOfRun, writeRun } from '../../shared/artefacts.ts'
import { conclude } from '../../shared/conclude.ts'
import { findEngine } from '../../shared/engines.ts'
import { measureSuite, unmeasuredRun } from '../../shared/measure.ts'
import type { JudgedRun } from '../../shared/judged-run.ts'
import type { CommonOptions } from '../../shared/options.ts'
import { newRunId } from '../../shared/run-id.ts'
import { openSession, withTarget } from '../../shared/session.ts'
import { suitePlan } from '../../shared/suites.ts'
import type { SuiteChanges } from '../../shared/suites.ts'
import type { World } from '../../shared/world.ts'
import { withBaseline } from '../../shared/baseline-rows.ts'
import { keepInHistory } from '../../shared/keep-history.ts'

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
