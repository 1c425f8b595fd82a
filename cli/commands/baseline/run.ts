import { acceptRuns, findWaiverProblem, addWaiver } from '../../../baselines/accepted/index.ts'
import type { AcceptResult, AcceptCandidate, Waiver } from '../../../baselines/accepted/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import {
  findBaseline,
  readStored,
  readWaivers,
  storedFolder,
  writeBaseline,
  writeWaivers,
} from '../../shared/baselines.ts'
import { offeredRun } from './offered.ts'
import { ratchet } from './ratchet.ts'
import { baselineText, listText } from './text.ts'
import type { BaselineAction, BaselineOptions } from './command.ts'

/** Accepts and shows what later runs are compared with, and accepts losses until a day. */
export async function baseline(
  action: BaselineAction,
  names: readonly string[],
  options: BaselineOptions,
  world: World,
): Promise<number> {
  const session = await openSession(options, world)
  switch (action) {
    case 'accept':
      return accept(session, names, options)
    case 'show':
      return show(session, names, options.json ?? false)
    case 'list':
      return list(session, options.json ?? false)
    case 'waive':
      return waive(session, names, options)
    case 'ratchet':
      return ratchet(session, names, options.json ?? false)
  }
}

async function accept(session: Session, names: readonly string[], options: BaselineOptions): Promise<number> {
  if (names.length === 0)
    throw new UsageError(
      'accept: found no run, expected ids, run folders or record files: vigil baseline accept <run…>',
    )
  if (options.anchor && !options.reason)
    throw new UsageError(
      '--anchor: found no --reason, expected one: a new anchor discards the drift measured so far',
    )
  const offered: AcceptCandidate[] = []
  for (const name of names) offered.push(await offeredRun(session, name))
  const folder = storedFolder(session.loaded.file)
  const accepted: AcceptResult[] = []
  for (const group of groupsOf(offered)) accepted.push(await acceptGroup(folder, group, options))
  const reasons = accepted
    .flatMap((one) => (one.state === 'refused' ? one.reasons : []))
    .map((reason) => cleanText(reason, 600))
  // All or none: a partial acceptance could only be seen in the files.
  if (reasons.length > 0) {
    for (const reason of reasons) session.world.stderr(`vigil: refused: ${reason}\n`)
    if (options.json) printJson(session.world, { schema: 'vigil.acceptance/1', state: 'refused', reasons })
    return exitCodes.usageError.code
  }
  const files: string[] = []
  for (const one of accepted)
    if (one.state === 'accepted') files.push(await writeBaseline(folder, one.baseline))
  const baselines = accepted.flatMap((one) => (one.state === 'accepted' ? [one.baseline] : []))
  if (options.json)
    printJson(session.world, {
      schema: 'vigil.acceptance/1',
      state: 'accepted',
      files,
      baselines: baselines.map(({ suite, environment, runs, anchor }) => ({
        suite,
        environment: environment.fingerprint,
        runs: runs.map(({ id }) => id),
        anchor,
      })),
    })
  else
    session.world.stdout(
      `${baselines.map((one, index) => baselineText(one, files[index] ?? '')).join('\n')}Commit the ` +
        'file: later runs are compared with it.\n',
    )
  return exitCodes.pass.code
}

function groupsOf(offered: readonly AcceptCandidate[]): AcceptCandidate[][] {
  return [
    ...Map.groupBy(offered, ({ run }) => JSON.stringify([run.suite, run.environment.fingerprint])).values(),
  ]
}

async function acceptGroup(
  folder: string,
  group: readonly AcceptCandidate[],
  options: BaselineOptions,
): Promise<AcceptResult> {
  const run = group[0]?.run
  if (!run) return { state: 'refused', reasons: [] }
  const found = await findBaseline(folder, run.suite, run.environment.fingerprint)
  if (found.state === 'refused') return { state: 'refused', reasons: [found.problem] }
  return acceptRuns(
    found.state === 'read' ? found.baseline : undefined,
    group,
    options.anchor ? { reason: options.reason ?? '' } : undefined,
  )
}

async function show(session: Session, names: readonly string[], json: boolean): Promise<number> {
  const folder = storedFolder(session.loaded.file)
  const stored = (await readStored(folder)).filter(
    (one) => names.length === 0 || one.state === 'refused' || names.includes(one.baseline.suite),
  )
  const problems = stored.flatMap((one) => (one.state === 'refused' ? [one.problem] : []))
  const read = stored.flatMap((one) => (one.state === 'read' ? [one] : []))
  if (read.length === 0 && problems.length === 0)
    throw new UsageError(
      `${folder}: no ` +
        `baseline${names.length === 0 ? '' : ` of suite ${cleanText(names.join(', '), 80)}`} there ` +
        `yet: create one with 'vigil baseline accept <run…>'`,
    )
  for (const problem of problems) session.world.stderr(`vigil: ${cleanText(problem, 600)}\n`)
  if (json)
    printJson(session.world, {
      schema: 'vigil.baselines/1',
      baselines: read.map((one) => one.baseline),
      problems,
    })
  else session.world.stdout(read.map(({ baseline: one, file }) => baselineText(one, file)).join('\n'))
  return problems.length > 0 ? exitCodes.usageError.code : exitCodes.pass.code
}

async function list(session: Session, json: boolean): Promise<number> {
  const folder = storedFolder(session.loaded.file)
  const [stored, waivers] = [await readStored(folder), await readWaivers(folder)]
  const problems = [
    ...stored.flatMap((one) => (one.state === 'refused' ? [one.problem] : [])),
    ...(waivers.state === 'refused' ? [waivers.problem] : []),
  ]
  const baselines = stored.flatMap((one) => (one.state === 'read' ? [one.baseline] : []))
  const losses = waivers.state === 'read' ? waivers.waivers : []
  const budgets = session.loaded.config.budgets ?? {}
  for (const problem of problems) session.world.stderr(`vigil: ${cleanText(problem, 600)}\n`)
  if (json)
    printJson(session.world, {
      schema: 'vigil.baselines/1',
      budgets,
      baselines: baselines.map(({ runs, ...one }) => ({ ...one, runs: runs.map(({ id }) => id) })),
      waivers: losses,
      problems,
    })
  else session.world.stdout(listText(budgets, baselines, losses, session.world.now()))
  return problems.length > 0 ? exitCodes.usageError.code : exitCodes.pass.code
}

async function waive(
  session: Session,
  names: readonly string[],
  { loss, reason, owner, until, json }: BaselineOptions,
): Promise<number> {
  const [suite, metric, step, more] = names
  if (suite === undefined || metric === undefined || more !== undefined)
    throw new UsageError(
      'waive: expected a suite, a metric and optionally a step: vigil baseline waive browse p95Ms ' +
        'journey/step --loss 15 --reason … --owner … --until 2026-12-31',
    )
  for (const [option, value] of Object.entries({ loss, reason, owner, until }))
    if (value === undefined)
      throw new UsageError(
        `--${option}: found none, expected one: an accepted loss needs an owner, a reason, a size ` +
          'and a last day',
      )
  const added: Waiver = {
    suite,
    step: step ?? null,
    metric,
    largestLoss: (loss ?? 0) / 100,
    reason: reason ?? '',
    owner: owner ?? '',
    until: until ?? '',
  }
  const problem = findWaiverProblem(added, session.world.now())
  if (problem !== undefined) throw new UsageError(`waive: ${cleanText(problem, 300)}`)
  const folder = storedFolder(session.loaded.file)
  const existing = await readWaivers(folder)
  if (existing.state === 'refused') throw new UsageError(existing.problem)
  const file = await writeWaivers(folder, addWaiver(existing.waivers, added))
  if (json) printJson(session.world, { schema: 'vigil.waivers/1', file, waiver: added })
  else
    session.world.stdout(
      `${file}: ${cleanText(suite)} may lose ${loss} % of ` +
        `${cleanText(metric)}${step === undefined ? '' : ` at ${cleanText(step)}`} until ${until}; ` +
        'have it reviewed, and commit it. Each report shows it.\n',
    )
  return exitCodes.pass.code
}
