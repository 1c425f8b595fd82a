import { join } from 'node:path'
import { combineVerdicts, isMissingBudgets } from '../../../baselines/index.ts'
import { toReportInput, writeReports, writeRun, conclude, pushRuns } from '../../shared/artefacts.ts'
import type { JudgedRun, PushResult } from '../../shared/artefacts.ts'
import { findEngine, findRunners, planSuite } from '../../shared/suites.ts'
import { exitCodes } from '../../exit-codes.ts'
import { measureSuite, unmeasuredRun } from '../../shared/measure.ts'
import { newRunId, openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { withTarget, withTargetLock } from '../../shared/target.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { checkBaseline, withBaseline } from '../../shared/baselines.ts'
import { keepInHistory } from '../../shared/history.ts'
import type { LoadOptions } from './command.ts'

/** Runs one suite, writes its record and reports, judges its budgets, and pushes its metrics. */
export async function load(name: string | undefined, options: LoadOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const plan = planSuite(session.loaded.config, name, options)
  if (plan.kubernetes !== undefined) requireRunningTarget(session)
  const found =
    plan.kubernetes === undefined
      ? await findEngine(plan.suite.engine, session)
      : await findRunners(plan.kubernetes, session)
  if (found.state === 'ok') await checkBaseline(session, plan.name, found.label)
  const id = newRunId(session, plan.name)
  const measure = async (): Promise<JudgedRun> => measureSuite(session, plan, found, id)
  const logFile = join(session.out, 'runs', id, 'target.log')
  const reached =
    plan.kubernetes === undefined
      ? await withTarget(session, { load: true, logFile }, measure)
      : // The runners may reach a service of the cluster that this machine cannot reach.
        await withTargetLock(session, measure)
  const measured: JudgedRun =
    reached.state === 'ok'
      ? reached.value
      : await unmeasuredRun(session, plan, id, reached, found.state === 'ok' ? found.label : 'none')
  const compared = await withBaseline(session, measured)
  const note = measuredOnlyNote(compared)
  const noted = note === undefined ? compared : { ...compared, notes: [note, ...(compared.notes ?? [])] }
  const problems = await writeRun(noted)
  // A target that was never reached says nothing about the suite: its earlier results stay the latest ones.
  const measuredRuns = reached.state === 'ok' ? [noted] : []
  const pushed = await pushRuns(session, measuredRuns, options.requirePush ?? false)
  const judged = withPush(noted, pushed)
  if (judged !== noted)
    problems.push(
      ...(await writeReports(
        judged.folder,
        toReportInput(`load ${plan.name}`, judged, problems, session.world.args),
      )),
    )
  await keepInHistory(session)
  if (options.json && note !== undefined) session.progress.warn(note)
  const code = conclude(session, options.json ?? false, {
    input: toReportInput(`load ${plan.name}`, judged, problems, session.world.args),
    document: judged.run,
    problems,
  })
  return note !== undefined && code === exitCodes.inconclusive.code ? exitCodes.pass.code : code
}

/** Runners in Kubernetes cannot reach a service that vigil starts on this machine. */
function requireRunningTarget({ boots, targetUrl, progress }: Session): void {
  if (boots)
    throw new UsageError(
      '--kubernetes loads a service that runs already: give its URL, as the cluster reaches it, ' +
        'with --target',
    )
  if (/^(localhost|127\.|\[::1\]$)/.test(new URL(targetUrl).hostname))
    progress.warn(`${targetUrl} is a loopback address: in Kubernetes, each runner loads its own pod`)
}

/**
 * The note on a run that is inconclusive only because its suite has no budgets: it exits 0, but nothing
 * passed.
 */
function measuredOnlyNote({ run, verdict }: JudgedRun): string | undefined {
  const open = verdict.rows.filter((row) => row.status === 'inconclusive')
  if (verdict.verdict !== 'inconclusive' || !open.every(isMissingBudgets)) return undefined
  const isUnjudged = verdict.rows.every((row) => row.status === 'skipped' || isMissingBudgets(row))
  const what = isUnjudged ? 'nothing was judged' : 'only the comparison with the baseline was judged'
  return `${what}: suite ${run.suite} has no budgets`
}

/** A run with the result of its push, for its reports. */
function withPush(judged: JudgedRun, { notes, rows }: PushResult): JudgedRun {
  if (notes.length === 0 && rows.length === 0) return judged
  return {
    ...judged,
    verdict: { ...judged.verdict, ...combineVerdicts([judged.verdict], rows) },
    notes: [...(judged.notes ?? []), ...notes],
  }
}
