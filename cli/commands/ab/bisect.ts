import { join } from 'node:path'
import { selectBisectRow } from '../../../baselines/duet/index.ts'
import { bisect, createDatabaseTemplate } from '../../../load/duet/index.ts'
import type { Scratch } from '../../../load/duet/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import { withTargetLock } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { lineBetween } from './bisect-line.ts'
import type { Line } from './bisect-line.ts'
import { reportOf } from './bisect-report.ts'
import { bisectText } from './bisect-text.ts'
import { tryCommit } from './bisect-trial.ts'
import { abRun, findK6, plannedPairs } from './duet.ts'
import type { AbDone, K6Found } from './duet.ts'
import { checkAsked, gitPlace, revisionSides } from './sides.ts'
import { abDefaults, abRules, abSuites } from './options.ts'
import type { AbOptions } from './options.ts'
import { abText } from './text.ts'
import { withScratch } from './run.ts'

/** Finds the commit between a good and a bad revision that made it slower. */
export async function abBisect(
  given: readonly string[],
  more: readonly (string | undefined)[],
  options: AbOptions,
  session: Session,
): Promise<number> {
  const ends = [...given, ...more.filter((word) => word !== undefined)]
  const [good, bad] = ends
  if (good === undefined || bad === undefined || ends.length > 2)
    throw new UsageError(`--bisect: found ${ends.length} revisions, expected two: a good one and a bad one`)
  abSuites(session, options)
  await checkAsked(session, { baseline: good, candidate: bad })
  const line = await lineBetween(gitPlace(session), good, bad)
  const k6 = await findK6(session)
  if (k6.state === 'missing') return sayInvalid(session, options, k6.reason)
  const locked = await withTargetLock(session, async () =>
    withScratch(session, async (scratch) => search(session, options, line, k6.k6, scratch)),
  )
  return locked.state === 'used' ? locked.result : sayInvalid(session, options, locked.reason)
}

async function search(
  session: Session,
  options: AbOptions,
  { good, commits }: Line,
  k6: K6Found,
  scratch: Scratch,
): Promise<number> {
  const beganAt = performance.now()
  const [suite] = abSuites(session, options)
  const bad = commits.at(-1)
  if (suite === undefined || bad === undefined) throw new UsageError('--suite: found none, expected one')
  const template =
    session.loaded.config.target.database === undefined
      ? undefined
      : await createDatabaseTemplate(join(scratch.folder, 'template'), session.world.interrupted)
  if (template?.state === 'failed') return sayInvalid(session, options, template.reason)
  const made = await revisionSides(session, { baseline: good, candidate: bad }, scratch, template?.template)
  if (made.state === 'failed') return sayInvalid(session, options, made.reason)
  session.progress.phase(
    `is ${bad.slice(0, 9)} slower than ${good.slice(0, 9)}? ${commits.length} commits lie between`,
  )
  const rules = abRules(options)
  const minutes = options.maxMinutes ?? abDefaults.maxMinutes
  const ends = await abRun(session, {
    sides: made.sides,
    suite,
    rules,
    pairs: plannedPairs(options.pairs),
    maxMinutes: minutes,
    reproduce: `vigil ab ${good.slice(0, 12)} ${bad.slice(0, 12)}`,
    quiet: options.quiet ?? false,
    k6,
    scratch,
    preparedSeconds: 0,
  })
  const known = selectBisectRow(ends.verdict)
  if (ends.verdict.verdict !== 'fail' || known === undefined) return sayNotSlower(session, options, ends)
  const { culprit, attempts } = await bisect(commits.length, async (index) =>
    tryCommit(
      session,
      options,
      {
        suite,
        rules,
        known,
        good,
        sha: commits[index] ?? bad,
        k6,
        minutes,
        index,
        template: template?.template,
      },
      scratch,
    ),
  )
  const report = await reportOf(
    session,
    { good, commits },
    {
      ...known,
      message:
        ends.verdict.rows.find(
          (row) => row.rule === known.rule && row.step === known.step && row.metric === known.metric,
        )?.message ?? '',
    },
    culprit,
    attempts,
    (performance.now() - beganAt) / 1000,
  )
  if (options.json) printJson(session.world, report)
  else session.world.stdout(bisectText(report, session.world))
  return culprit.state === 'found'
    ? exitCodes.fail.code
    : culprit.state === 'among'
      ? exitCodes.inconclusive.code
      : exitCodes.invalid.code
}

function sayInvalid({ world }: Session, options: AbOptions, reason: string): number {
  if (options.json)
    printJson(world, {
      schema: 'vigil.verdict/1',
      verdict: 'invalid',
      rows: [{ rule: 'duet', step: null, metric: 'validity', status: 'invalid', message: reason }],
    })
  else world.stdout(`INVALID  ${reason}\n`)
  return exitCodes.invalid.code
}

function sayNotSlower({ world, progress }: Session, options: AbOptions, { verdict }: AbDone): number {
  progress.warn(
    'there is nothing to search for: the bad revision was not shown to be slower than the good one',
  )
  if (options.json) printJson(world, verdict)
  else world.stdout(abText(verdict, world))
  return exitCodeOf(verdict.verdict)
}
