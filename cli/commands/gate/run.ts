import { join } from 'node:path'
import { combineVerdicts } from '../../../baselines/index.ts'
import type { CodedReason, VerdictRow } from '../../../baselines/index.ts'
import { suggestName } from '../../../config/index.ts'
import type { Config } from '../../../config/index.ts'
import type { ReportInput } from '../../../reports/index.ts'
import type { ProbesReport } from '../../../record/index.ts'
import { writeGate, writeRun, conclude, toRunReport, pushRuns, reportPaths } from '../../shared/artefacts.ts'
import type { JudgedRun } from '../../shared/artefacts.ts'
import { describeFailedSuites, findEngine, planSuite } from '../../shared/suites.ts'
import type { FoundEngine, SuitePlan } from '../../shared/suites.ts'
import { measureSuite } from '../../shared/measure.ts'
import type { GateOptions } from './command.ts'
import { newRunId, openSession } from '../../shared/session.ts'
import { withTarget } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import { checkProbeBrowser, toProbeRows, runSessionProbes } from '../../shared/probing.ts'
import { version, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { checkBaseline, withBaseline } from '../../shared/baselines.ts'
import { keepInHistory } from '../../shared/history.ts'
import { findBase, findBaseProblem, measureGateDuets, toPart } from './duet.ts'
import type { Base } from './duet.ts'

/** The result of a gate, before it is written and printed. */
interface GateResult {
  probes: ProbesReport | undefined
  runs: JudgedRun[]
  rows: VerdictRow[]
  notes: string[]
  problems: string[]
}

/** A suite and the engine that loads it. */
interface PlannedSuite {
  plan: SuitePlan
  engine: FoundEngine
}

/** The main job: probes, a load run of every suite, budgets, reports, push, verdict. */
export async function gate(options: GateOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  const plans = gatePlans(session, options)
  const names = plans.map(({ name }) => name)
  const base = findBase(options.base, world, options.baseTip)
  // Checked before minutes are spent on the budgets.
  await checkBase(session, base, names)
  await checkProbeBrowser(session, gateProbes(session))
  const planned = await withEngines(session, plans)
  const id = newRunId(session, 'gate')
  const folder = join(session.out, 'gates', id)
  const reached = await withTarget(session, { load: true, logFile: join(folder, 'target.log') }, async () =>
    gateTarget(session, planned, id, options.allowMissingTools ?? false),
  )
  const gated: GateResult =
    reached.state === 'ok'
      ? reached.value
      : { probes: undefined, runs: [], rows: [invalidRow('target', reached)], notes: [], problems: [] }
  // After the target has ended: a duet at the same time would disturb the measurement, and the reverse.
  const duet =
    gated.runs.length > 0
      ? await measureGateDuets(session, base, names, options.maxMinutes)
      : { verdicts: [], notes: [], problems: [], parts: [] }
  const pushes = await pushRuns(session, gated.runs, options.requirePush ?? false)
  const { config } = session.loaded
  const mode = options.mode ?? config.gate?.mode ?? 'enforce'
  const verdict = combineVerdicts(
    [...gated.runs.map((judged) => judged.verdict), ...duet.verdicts],
    [...gated.rows, ...pushes.rows],
  )
  const input: ReportInput = {
    title: 'gate',
    target: session.targetUrl,
    ...(world.args && { command: world.args }),
    verdict,
    runs: gated.runs.map(toRunReport),
    ...(gated.probes && { probes: gated.probes }),
    // Several suites may have the same note.
    notes: [
      ...new Set([
        ...describeFailedSuites(config, verdict.rows),
        ...gated.notes,
        ...duet.notes,
        ...pushes.notes,
        ...gated.problems,
      ]),
    ],
    folder,
    vigilVersion: version(),
  }
  const problems = [...gated.problems, ...duet.problems, ...(await writeGate(folder, input))]
  await keepInHistory(session)
  const runs = gated.runs.map(({ run, verdict: { verdict: word }, folder: of }) =>
    toPart({ suite: run.suite, verdict: word, folder: of }),
  )
  const document = { ...verdict, mode, folder, reports: reportPaths(folder), runs, duets: duet.parts }
  return conclude(session, options.json ?? false, { input, document, problems, mode })
}

/** Throws a usage error for a base that was named and does not exist; warns of any other problem now. */
async function checkBase(
  session: Session,
  base: Base | undefined,
  suiteNames: readonly string[],
): Promise<void> {
  const problem = base && (await findBaseProblem(session, base, suiteNames))
  if (problem === undefined) return
  if (base?.isRequired && problem.kind !== 'unavailable') throw new UsageError(`--base: ${problem.reason}`)
  session.progress.warn(problem.reason)
}

function gateProbes({ loaded }: Session): string[] {
  return loaded.config.gate?.probes ?? Object.keys(loaded.config.probes ?? {})
}

/** The gate's suites that the requested engine loads; by default all suites of the config. */
function gatePlans(session: Session, options: GateOptions): SuitePlan[] {
  const { config } = session.loaded
  const names = chooseSuites(config, options.suite)
  const isScript = (name: string): boolean => config.suites[name]?.script !== undefined
  // It is for the suites that take it. A k6 script lasts as long as it says.
  const takesDuration = (name: string): boolean => !isScript(name) || names.every(isScript)
  const plans = names.map((name) =>
    planSuite(
      config,
      name,
      options.duration !== undefined && takesDuration(name) ? { duration: options.duration } : {},
    ),
  )
  const wanted = plans.filter((plan) => options.engine === 'both' || plan.suite.engine === options.engine)
  if (wanted.length > 0) return wanted
  throw new UsageError(
    `--engine ${options.engine}: none of the gate's suites (${names.join(', ') || 'none'}) is loaded by it`,
  )
}

// Before the target starts: a tool that has to be built first takes minutes.
async function withEngines(session: Session, plans: readonly SuitePlan[]): Promise<PlannedSuite[]> {
  const found = new Map<string, FoundEngine>()
  const planned: PlannedSuite[] = []
  for (const plan of plans) {
    const engine = found.get(plan.suite.engine) ?? (await findEngine(plan.suite.engine, session))
    found.set(plan.suite.engine, engine)
    if (engine.state === 'ok') await checkBaseline(session, plan.name, engine.label)
    planned.push({ plan, engine })
  }
  return planned
}

/** The suites of the config's gate, or those of them that were named. */
function chooseSuites(config: Config, named: readonly string[] | undefined): string[] {
  const all = config.gate?.suites ?? Object.keys(config.suites)
  const unknown = named?.find((name) => !all.includes(name))
  if (unknown !== undefined)
    throw new UsageError(
      `--suite ${JSON.stringify(unknown)}: the gate has no such suite${suggestName(unknown, all)}`,
    )
  return all.filter((name) => named === undefined || named.includes(name))
}

async function gateTarget(
  session: Session,
  planned: readonly PlannedSuite[],
  id: string,
  allowsMissingTools: boolean,
): Promise<GateResult> {
  const probes = await runSessionProbes(session, gateProbes(session), id)
  const gated: GateResult = {
    probes,
    runs: [],
    rows: probes ? toProbeRows(probes) : [],
    notes: [],
    problems: [],
  }
  const down = gated.rows.filter((row) => row.status === 'fail')
  if (down.length > 0) {
    gated.notes.push(
      `no load was made: ${down.map((row) => row.step ?? row.metric).join(', ')} ` +
        `${down.length === 1 ? 'is' : 'are'} down, and loading what does not work measures nothing`,
    )
    return gated
  }
  for (const { plan, engine } of planned) {
    if (engine.state === 'missing' && allowsMissingTools) skipSuite(session, plan, engine.reason, gated)
    else await addRun(session, plan, engine, gated)
  }
  if (gated.runs.length === 0) gated.rows.push(nothingJudged())
  return gated
}

/** The row of a gate that ran no suite. */
export function nothingJudged(): VerdictRow {
  return invalidRow('suite', {
    code: 'nothing-judged',
    reason: 'no suite was run: nothing was loaded, so nothing is known',
  })
}

async function addRun(
  session: Session,
  plan: SuitePlan,
  engine: FoundEngine,
  gated: GateResult,
): Promise<void> {
  if (session.world.interrupted.aborted) {
    gated.rows.push(
      invalidRow(plan.name, { code: 'interrupted', reason: `suite ${plan.name} was not run: interrupted` }),
    )
    return
  }
  const judged = await withBaseline(session, await measureSuite(session, plan, engine))
  gated.notes.push(...(judged.run.notes ?? []), ...(judged.notes ?? []))
  gated.problems.push(...(await writeRun(judged)))
  gated.runs.push(judged)
}

/** On request, a machine without a tool still gets the results of the other suites. */
function skipSuite(session: Session, { name }: SuitePlan, reason: string, gated: GateResult): void {
  const note = `suite ${name} was LEFT OUT: ${reason}`
  session.progress.warn(note)
  gated.notes.push(note)
  gated.rows.push({
    rule: 'suite',
    suite: name,
    step: null,
    metric: 'suite',
    status: 'skipped',
    message: note,
  })
}

function invalidRow(metric: string, { code, reason }: CodedReason): VerdictRow {
  return { rule: 'gate', step: null, metric, status: 'invalid', code, message: reason }
}
