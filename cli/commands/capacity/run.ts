import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { findSufficient, toLevels, findSaturation, isBusyBefore } from '../../../load/capacity/index.ts'
import type { CapacityResult, Knee, Sample, SearchPlan } from '../../../load/capacity/index.ts'
import { capacityPage, capacityText } from '../../../reports/capacity/index.ts'
import { makeFolder, writeWhole } from '../../../record/store/index.ts'
import { tryWrite } from '../../shared/artefacts.ts'
import { forecastsFrom } from './forecasts.ts'
import { machineLoad, searchKnee, measureSettings } from './measure.ts'
import { findEngine, planSuite } from '../../shared/suites.ts'
import type { FoundEngine, SuiteChanges, SuitePlan } from '../../shared/suites.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { newRunId, openSession } from '../../shared/session.ts'
import { withTarget } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import type { CapacityOptions, Variation } from './command.ts'

const growth = 1.6
/** A shared machine does not allow to find the knee more precisely than to a tenth. */
const closeTo = 1.1
const warmupSeconds = 3
const mostRate = 100_000
const mostConnections = 1024

/** Raises the load until a budget breaks: finds the knee, and what saturates first. */
export async function capacity(
  name: string | undefined,
  options: CapacityOptions,
  world: World,
): Promise<number> {
  const session = await openSession(options, world)
  const { config } = session.loaded
  refuseScript(planSuite(config, name, {}))
  const changes: SuiteChanges = {
    ...(options.engine && { engine: options.engine }),
    ...(options.from !== undefined && startOf(options.from, name, options, session)),
  }
  const plan = stepsOf(planSuite(config, name, changes), options)
  if (Object.keys(plan.budgets).length === 0)
    throw new UsageError(
      `suite ${plan.name.split('.')[0]} has no budgets, and the knee is the load at which one breaks; ` +
        `set budgets in ${session.loaded.file}`,
    )
  if (options.vary && !session.boots)
    throw new UsageError(
      '--vary starts the service with each value: it needs target.command in the config, and no --target',
    )
  const found = await findEngine(plan.suite.engine, session)
  if (found.state === 'missing') {
    session.progress.warn(found.reason)
    return exitCodes.invalid.code
  }
  const id = newRunId(session, plan.name)
  const folder = join(session.out, 'runs', id)
  await makeFolder(folder)
  const startedAt = new Date(world.now()).toISOString()
  const reached = await withTarget(session, { load: true, logFile: join(folder, 'target.log') }, async () =>
    searchFrom(session, plan, found, searchOf(plan, options)),
  )
  if (reached.state === 'unavailable') {
    session.progress.warn(reached.reason)
    return exitCodes.invalid.code
  }
  const result = await resultOf(session, plan, found, { ...reached.value, startedAt }, options)
  await write(session, folder, result, plan.budgets.p95Ms)
  if (options.json) printJson(world, result)
  else
    world.stdout(
      `${capacityText(result, { color: world.terminal.color, width: world.terminal.width })}\n` +
        `Report: ${join(folder, 'report.html')}\n`,
    )
  return codeOf(result.knee)
}

function refuseScript({ name, suite }: SuitePlan): void {
  if (suite.script === undefined) return
  throw new UsageError(
    `suite ${name} is a k6 script, which sets its own load: ` +
      'capacity raises the load of journeys, so name a suite that has them',
  )
}

/**
 * The steps of a suite. Their records have another name, so that history does not take them for runs of the
 * suite.
 */
function stepsOf(plan: SuitePlan, { stepSeconds }: CapacityOptions): SuitePlan {
  // The knee is what the service can handle, not how much load was offered.
  const { requestsPerMinute: _, ...budgets } = plan.budgets
  return {
    name: `${plan.name}.capacity`,
    budgets,
    suite: {
      ...plan.suite,
      warmupSeconds: Math.min(warmupSeconds, stepSeconds),
      durationSeconds: stepSeconds,
    },
  }
}

function startOf(
  from: number,
  name: string | undefined,
  { engine }: CapacityOptions,
  session: Session,
): SuiteChanges {
  const { config } = session.loaded
  const suite = config.suites[name ?? Object.keys(config.suites)[0] ?? '']
  return (engine ?? suite?.engine) === 'autocannon'
    ? { connections: Math.max(1, Math.round(from)) }
    : { rate: from }
}

function searchOf({ suite }: SuitePlan, { most }: CapacityOptions): SearchPlan {
  const whole = 'connections' in suite.load
  return {
    start: 'connections' in suite.load ? suite.load.connections : suite.load.ratePerSecond,
    growth,
    closeRatio: closeTo,
    wholeNumbers: whole,
    highest: most ?? (whole ? mostConnections : mostRate),
  }
}

const idleWatchMs = 1000

/** The search, and how busy this machine was before its first step, with the target started and no load. */
async function searchFrom(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  search: SearchPlan,
): Promise<{ samples: Sample[]; knee: Knee; busyBefore: number | undefined }> {
  const machine = machineLoad(session.targetUrl)
  await setTimeout(idleWatchMs, undefined, { signal: session.world.interrupted }).catch(() => undefined)
  const busyBefore = machine()
  if (isBusyBefore(busyBefore))
    session.progress.warn(
      `this machine is ${Math.round((busyBefore ?? 0) * 100)} % busy before the load: ` +
        'measure when it is idle',
    )
  return { ...(await searchKnee(session, plan, found, search)), busyBefore }
}

async function resultOf(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  searched: { samples: Sample[]; knee: Knee; startedAt: string; busyBefore: number | undefined },
  options: CapacityOptions,
): Promise<CapacityResult> {
  const { samples, knee, startedAt, busyBefore } = searched
  const levels = toLevels(samples)
  const keeps = 'keeps' in knee ? knee.keeps : undefined
  const capacityRps = levels.find(({ load }) => load === keeps)?.throughputRps
  return {
    schema: 'vigil.capacity/1',
    suite: plan.name.replace(/\.capacity$/, ''),
    engine: plan.suite.engine,
    loadUnit: 'connections' in plan.suite.load ? 'connections' : 'journeys/s',
    target: session.targetUrl,
    startedAt,
    knee,
    capacityRps,
    levels,
    saturation: findSaturation(levels, busyBefore),
    ...(busyBefore !== undefined && { machineBusyBefore: busyBefore }),
    settings: options.vary && (await settingsOf(session, plan, found, options.vary, keeps, options.rounds)),
    forecasts:
      options.prometheus === undefined
        ? []
        : await forecastsFrom(
            options.prometheus,
            session.loaded.config.forecasts ?? {},
            options.days,
            capacityRps,
            session.world,
          ),
  }
}

/** Settings are tried at the highest load that the service sustains: below it, all of them do well. */
async function settingsOf(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  variation: Variation,
  keeps: number | undefined,
  rounds: number,
): Promise<CapacityResult['settings']> {
  const start = 'connections' in plan.suite.load ? plan.suite.load.connections : plan.suite.load.ratePerSecond
  const load = keeps ?? start
  const varied = await measureSettings(session, plan, found, variation, load, rounds)
  if (varied.state === 'unavailable') {
    session.progress.warn(varied.reason)
    return undefined
  }
  return {
    variable: variation.variable,
    load,
    results: varied.settings,
    enough: findSufficient(varied.settings)?.value,
  }
}

async function write(
  session: Session,
  folder: string,
  result: CapacityResult,
  p95Ms: number | undefined,
): Promise<void> {
  const problems = await tryWrite(folder, async () => {
    await writeWhole(join(folder, 'capacity.json'), `${JSON.stringify(result, null, 2)}\n`)
    await writeWhole(join(folder, 'report.html'), capacityPage(result, p95Ms))
  })
  for (const problem of problems) session.progress.warn(problem)
}

function codeOf(knee: Knee): number {
  const meanings = { found: 'pass', beyond: 'pass', below: 'fail', unknown: 'invalid' } as const
  return exitCodes[meanings[knee.state]].code
}
