import { join } from 'node:path'
import { selectBisectRow } from '../../../baselines/duet/index.ts'
import type { DuetRules, KnownChange } from '../../../baselines/duet/index.ts'
import { bisect, classifyCommit, createDatabaseTemplate } from '../../../load/duet/index.ts'
import type {
  CommitClassification,
  CommitOutcome,
  DatabaseTemplate,
  DuetSuite,
  Scratch,
} from '../../../load/duet/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { reportInvalidDuet, toDuetSuites, withScratch } from '../../shared/duet/duets.ts'
import { createDuetWorld, duetFolder, measureDuet } from '../../shared/duet/measure.ts'
import type { MeasuredDuet } from '../../shared/duet/measure.ts'
import { checkSides, revisionSides } from '../../shared/duet/sides.ts'
import { adviseNextSteps, composeCommand } from '../../../reports/wording/index.ts'
import { toDuetReport } from '../../shared/duet/files.ts'
import { duetDefaults } from '../../shared/options.ts'
import { configRepository, describeEnvironment, newRunId } from '../../shared/session.ts'
import { withTargetLock } from '../../shared/target.ts'
import { readCommitSubject, resolveCommit, runGit } from '../../../runtime/processes/index.ts'
import type { GitContext } from '../../../runtime/processes/index.ts'
import type { Session } from '../../shared/session.ts'
import { findK6 } from '../../shared/suites.ts'
import type { K6 } from '../../shared/suites.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import { toBisectReport, abText, bisectText } from './text.ts'
import type { BisectReport, CommitRange } from './text.ts'
import type { AbOptions } from './command.ts'

/** What a search works with. */
interface Search extends CommitRange {
  suite: DuetSuite
  rules: DuetRules
  k6: K6
  scratch: Scratch
  template: DatabaseTemplate | undefined
}

/** Finds the commit between a good and a bad revision that caused a slowdown. */
export async function bisectRevisions(
  session: Session,
  options: AbOptions,
  revisions: readonly string[],
  rules: DuetRules,
): Promise<number> {
  const [good, bad] = revisions
  if (good === undefined || bad === undefined || revisions.length > 2)
    throw new UsageError(
      `--bisect: found ${revisions.length} revision${revisions.length === 1 ? '' : 's'}, expected two: ` +
        'a good one and a bad one, as in --bisect good bad (--suite takes each name up to the next option)',
    )
  const [suite] = toDuetSuites(session, options.suite, options.rate)
  if (suite === undefined) throw new UsageError('--suite: found none, expected one')
  const unavailable = await checkSides(session, { baseline: good, candidate: bad, baseTip: true })
  if (unavailable !== undefined)
    return reportInvalidDuet(session, options, { code: 'base-missing', reason: unavailable })
  const range = await listCommits(configRepository(session), good, bad)
  const k6 = await findK6(session)
  if (k6.state === 'missing')
    return reportInvalidDuet(session, options, { code: 'tool-missing', reason: k6.reason })
  const result = await withTargetLock(session, async () =>
    withScratch(session, async (scratch) => {
      const template =
        session.loaded.config.target.database === undefined
          ? undefined
          : await createDatabaseTemplate(join(scratch.folder, 'template'), session.world.interrupted)
      if (template?.state === 'failed')
        return reportInvalidDuet(session, options, { ...template, code: 'target-not-started' })
      const search = { ...range, suite, rules, k6, scratch, template: template?.template }
      return searchCommits(session, options, search)
    }),
  )
  return result.state === 'ok' ? result.value : reportInvalidDuet(session, options, result)
}

/** The commits between two revisions, along first parents. */
async function listCommits(repository: GitContext, goodName: string, badName: string): Promise<CommitRange> {
  const [good, bad] = [await resolveCommit(repository, goodName), await resolveCommit(repository, badName)]
  if (good.state !== 'ok') throw new UsageError(good.reason)
  if (bad.state !== 'ok') throw new UsageError(bad.reason)
  const listed = await runGit(
    repository,
    'rev-list',
    '--reverse',
    '--first-parent',
    `${good.sha}..${bad.sha}`,
  )
  const commits = listed.state === 'ok' ? listed.output.split('\n').filter((sha) => sha !== '') : []
  const ancestor = await runGit(repository, 'merge-base', '--is-ancestor', good.sha, bad.sha)
  if (commits.length === 0 || ancestor.state !== 'ok')
    throw new UsageError(
      `--bisect: ${badName} does not come after ${goodName}, ` +
        'expected a good revision that is an ancestor of the bad one',
    )
  return { good: good.sha, bad: bad.sha, commits }
}

async function searchCommits(session: Session, options: AbOptions, search: Search): Promise<number> {
  const startMs = performance.now()
  const { good, bad, commits } = search
  const sides = await revisionSides(
    session,
    { baseline: good, candidate: bad },
    search.scratch,
    search.template,
  )
  if (sides.state === 'failed') return reportInvalidDuet(session, options, sides)
  session.progress.phase(
    `is ${bad.slice(0, 9)} slower than ${good.slice(0, 9)}? ${commits.length} commits lie between`,
  )
  const ends = await measureDuet(session, {
    ...search,
    sides: sides.sides,
    pairs: options.pairs,
    maxMinutes: options.maxMinutes,
    reproduce: composeCommand(session.world.args ?? ['ab', '--bisect', good, bad]),
    preparedSeconds: 0,
  })
  const known = selectBisectRow(ends.verdict)
  if (ends.verdict.verdict !== 'fail' || known === undefined) return reportNotSlower(session, options, ends)
  const { culprit, attempts } = await bisect(commits.length, async (index) =>
    classify(session, options, search, { index, known }),
  )
  const { message = '' } =
    ends.verdict.rows.find(
      (row) => row.rule === known.rule && row.step === known.step && row.metric === known.metric,
    ) ?? {}
  const report = await toBisectReport(configRepository(session), search, {
    known: { ...known, message },
    culprit,
    attempts,
    wallSeconds: (performance.now() - startMs) / 1000,
  })
  if (options.json) printJson(session.world, report)
  else session.world.stdout(bisectText(report, session.world))
  return exitCodeFor(report.culprit)
}

function exitCodeFor(culprit: BisectReport['culprit']): number {
  const meanings = { found: 'fail', among: 'inconclusive', interrupted: 'invalid' } as const
  return exitCodes[meanings[culprit.state]].code
}

/** On which side of a known change a commit lies: a duet of the good revision and this commit. */
async function classify(
  session: Session,
  options: AbOptions,
  search: Search,
  { index, known }: { index: number; known: KnownChange },
): Promise<CommitOutcome | 'interrupted'> {
  const { world, progress } = session
  const sha = search.commits[index] ?? search.bad
  progress.phase(`trying ${sha.slice(0, 9)} ${await readCommitSubject(configRepository(session), sha)}`)
  const scratch = { ...search.scratch, folder: join(search.scratch.folder, `commit-${index}`) }
  const sides = await revisionSides(
    session,
    { baseline: search.good, candidate: sha },
    scratch,
    search.template,
  )
  if (sides.state === 'failed') return world.interrupted.aborted ? 'interrupted' : 'unbuildable'
  const id = newRunId(session, 'bisect')
  const classified = await classifyCommit(
    {
      run: id,
      source: sides.sides.source,
      suite: search.suite,
      targets: sides.sides.targets,
      environment: describeEnvironment(session, search.k6.label),
      rules: search.rules,
      // Not --pairs: only the first duet, of both ends, has to find out what is worse.
      pairs: duetDefaults.pairs,
      deadlineMs: performance.now() + options.maxMinutes * 60_000,
    },
    known,
    await createDuetWorld(session, search.k6, {
      scratch: join(scratch.folder, 'pair'),
      logs: duetFolder(session, id),
    }),
  )
  progress.phase(`  ${sha.slice(0, 9)} ${classificationText(classified)}`)
  if (classified.state === 'interrupted') return 'interrupted'
  return classified.state === 'failed' ? 'unbuildable' : classified.outcome
}

function classificationText(classified: CommitClassification): string {
  if (classified.state === 'interrupted') return 'is not classified: interrupted'
  if (classified.state === 'failed' || classified.outcome === 'unbuildable')
    return `cannot be classified: ${classified.reason}`
  return classified.outcome === 'open'
    ? 'is neither clearly good nor clearly bad; trying its neighbours'
    : `is ${classified.outcome}`
}

function reportNotSlower(
  { world, progress }: Session,
  { json }: AbOptions,
  { verdict, outcome }: MeasuredDuet,
): number {
  const { unconfirmed } = outcome
  progress.warn(
    unconfirmed !== undefined && unconfirmed.pairs < unconfirmed.planned
      ? 'not bisected: the time ran out before the slowdown was confirmed; give it more with --max-minutes'
      : 'nothing to bisect: the bad revision was not shown to be slower than the good one',
  )
  if (json) printJson(world, verdict)
  else world.stdout(abText(verdict, world, adviseNextSteps(toDuetReport(verdict, outcome, world.args))))
  return exitCodeOf(verdict.verdict)
}
