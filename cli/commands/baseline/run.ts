import { findWaiverProblem, addWaiver } from '../../../baselines/accepted/index.ts'
import type { Waiver } from '../../../baselines/accepted/index.ts'
import { cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { readStored, readWaivers, storedFolder, writeWaivers } from '../../shared/baselines.ts'
import { accept } from './accept.ts'
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
  const session = await openSession(options, world, 'files')
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

async function show(session: Session, names: readonly string[], json: boolean): Promise<number> {
  const folder = storedFolder(session.loaded.file)
  const stored = (await readStored(folder)).filter(
    (one) => names.length === 0 || one.state === 'invalid' || names.includes(one.baseline.suite),
  )
  const problems = stored.flatMap((one) => (one.state === 'invalid' ? [one.problem] : []))
  const read = stored.flatMap((one) => (one.state === 'ok' ? [one] : []))
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
    ...stored.flatMap((one) => (one.state === 'invalid' ? [one.problem] : [])),
    ...(waivers.state === 'invalid' ? [waivers.problem] : []),
  ]
  const baselines = stored.flatMap((one) => (one.state === 'ok' ? [one.baseline] : []))
  const losses = waivers.state === 'ok' ? waivers.waivers : []
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
    since: new Date(session.world.now()).toISOString().slice(0, 10),
  }
  const problem = findWaiverProblem(added, session.world.now())
  if (problem !== undefined) throw new UsageError(`waive: ${cleanText(problem, 300)}`)
  const folder = storedFolder(session.loaded.file)
  const existing = await readWaivers(folder)
  if (existing.state === 'invalid') throw new UsageError(existing.problem)
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
