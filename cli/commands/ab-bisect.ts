import { join } from 'node:path'
import { tellingRow } from '../../baselines/duet/index.ts'
import type { Known } from '../../baselines/duet/index.ts'
import { bisect, commitOf, git, makeTemplate, subjectOf, tellDuet } from '../../duet/index.ts'
import type { Attempt, Culprit, GitPlace, Scratch, Template, Tried } from '../../duet/index.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { environmentHere } from '../facts.ts'
import { printJson } from '../print-json.ts'
import { newRunId } from '../run-id.ts'
import type { Session } from '../session.ts'
import { Misuse } from '../world.ts'
import { abRun, duetFolder, findK6, plannedPairs, withMachine } from './ab-run.ts'
import type { AbDone, K6Found } from './ab-run.ts'
import { bisectText } from './ab-bisect-text.ts'
import { checkAsked, gitPlace, revisionSides } from './ab-source.ts'
import { abDefaults, abRules, abSuites } from './ab-suite.ts'
import type { AbOptions } from './ab-suite.ts'
import { duetWorld } from './ab-world.ts'
import { abText } from './ab-text.ts'
import { withScratch } from './ab.ts'

/** One commit between good and bad. */
export interface Commit {
  sha: string
  subject: string
}

/** `vigil.bisect/1`: which commit made it slower, and how that was found. */
export interface BisectReport {
  schema: 'vigil.bisect/1'
  good: string
  bad: string
  commits: number
  /** What is worse between the ends: what each commit was asked for. */
  known: Known & { message: string }
  culprit: (Exclude<Culprit, { state: 'found' } | { state: 'among' }> | { state: 'found'; commit: Commit } | { state: 'among'; commits: Commit[]; why: string })
  attempts: (Commit & { tried: Tried; reason?: string })[]
  wallSeconds: number
}

/** Finds the commit between a good and a bad revision that made it slower. */
export async function abBisect(given: readonly string[], more: readonly (string | undefined)[], options: AbOptions, session: Session): Promise<number> {
  const ends = [...given, ...more.filter((word) => word !== undefined)]
  const [good, bad] = ends
  if (good === undefined || bad === undefined || ends.length > 2) throw new Misuse(`--bisect: found ${ends.length} revisions, expected two: a good one and a bad one`)
  abSuites(session, options)
  await checkAsked(session, { baseline: good, candidate: bad })
  const line = await lineBetween(gitPlace(session), good, bad)
  const k6 = await findK6(session)
  if (k6.state === 'missing') return sayInvalid(session, options, k6.reason)
  return withMachine(session, async () => withScratch(session, async (scratch) => search(session, options, line, k6.k6, scratch)))
}

interface Line {
  good: string
  /** From the one after good to bad. */
  commits: string[]
}

async function lineBetween(place: GitPlace, goodName: string, badName: string): Promise<Line> {
  const [good, bad] = [await commitOf(place, goodName), await commitOf(place, badName)]
  if (good.state === 'unknown') throw new Misuse(good.reason)
  if (bad.state === 'unknown') throw new Misuse(bad.reason)
  const listed = await git(place, 'rev-list', '--reverse', '--first-parent', `${good.sha}..${bad.sha}`)
  const commits = listed.state === 'ran' ? listed.output.split('\n').filter((sha) => sha !== '') : []
  const isAncestor = (await git(place, 'merge-base', '--is-ancestor', good.sha, bad.sha)).state === 'ran'
  if (commits.length === 0 || !isAncestor) throw new Misuse(`--bisect: ${badName} does not come after ${goodName}, expected a good revision that is an ancestor of the bad one`)
  return { good: good.sha, commits }
}

async function search(session: Session, options: AbOptions, { good, commits }: Line, k6: K6Found, scratch: Scratch): Promise<number> {
  const beganAt = performance.now()
  const [suite] = abSuites(session, options)
  const bad = commits.at(-1)
  if (suite === undefined || bad === undefined) throw new Misuse('--suite: found none, expected one')
  const template = session.loaded.config.target.database === undefined ? undefined : await makeTemplate(join(scratch.folder, 'template'), session.world.interrupted)
  if (template?.state === 'failed') return sayInvalid(session, options, template.reason)
  const made = await revisionSides(session, { baseline: good, candidate: bad }, scratch, template?.template)
  if (made.state === 'failed') return sayInvalid(session, options, made.reason)
  session.progress.phase(`is ${bad.slice(0, 9)} slower than ${good.slice(0, 9)}? ${commits.length} commits lie between`)
  const rules = abRules(options)
  const minutes = options.maxMinutes ?? abDefaults.maxMinutes
  const ends = await abRun(session, { sides: made.sides, suite, rules, pairs: plannedPairs(options.pairs), maxMinutes: minutes, reproduce: `vigil ab ${good.slice(0, 12)} ${bad.slice(0, 12)}`, quiet: options.quiet ?? false, k6, scratch, preparedSeconds: 0 })
  const known = tellingRow(ends.verdict)
  if (ends.verdict.verdict !== 'fail' || known === undefined) return sayNotSlower(session, options, ends)
  const { culprit, attempts } = await bisect(commits.length, async (index) => {
    const told = await tryCommit(session, options, { suite, rules, known, good, sha: commits[index] ?? bad, k6, minutes, index, template: template?.template }, scratch)
    return told
  })
  const report = await reportOf(session, { good, commits }, { ...known, message: ends.verdict.rows.find((row) => row.rule === known.rule && row.step === known.step && row.metric === known.metric)?.message ?? '' }, culprit, attempts, (performance.now() - beganAt) / 1000)
  if (options.json) printJson(session.world, report)
  else session.world.stdout(bisectText(report, session.world))
  return culprit.state === 'found' ? exitCodes.fail.code : culprit.state === 'among' ? exitCodes.inconclusive.code : exitCodes.invalid.code
}

interface Trial {
  suite: ReturnType<typeof abSuites>[number]
  rules: ReturnType<typeof abRules>
  known: Known
  good: string
  sha: string
  k6: K6Found
  minutes: number
  index: number
  template: Template | undefined
}

async function tryCommit(session: Session, options: AbOptions, trial: Trial, scratch: Scratch): Promise<Tried | 'interrupted'> {
  const { world, progress } = session
  const { sha } = trial
  progress.phase(`trying ${sha.slice(0, 9)} ${await subjectOf(gitPlace(session), sha)}`)
  const place = { ...scratch, folder: join(scratch.folder, `commit-${trial.index}`) }
  const made = await revisionSides(session, { baseline: trial.good, candidate: sha }, place, trial.template)
  if (made.state === 'failed') return world.interrupted.aborted ? 'interrupted' : 'unbuildable'
  const id = newRunId(session, 'bisect')
  const request = { run: id, source: made.sides.source, suite: trial.suite, targets: made.sides.targets, environment: environmentHere(trial.k6.label), rules: trial.rules, pairs: 24, deadlineMs: performance.now() + trial.minutes * 60_000 }
  const told = await tellDuet(request, trial.known, await duetWorld(session, trial.k6.path, { scratch: join(place.folder, 'pair'), logs: duetFolder(session, id), quiet: options.quiet ?? false }))
  progress.phase(`  ${sha.slice(0, 9)} is ${told.state === 'told' ? told.side : told.state === 'open' ? 'as much good as bad: its neighbours will tell' : `not to be tried: ${'reason' in told ? told.reason : told.state}`}`)
  switch (told.state) {
    case 'told':
      return told.side
    case 'open':
      return 'open'
    case 'unbuildable':
    case 'failed':
      return 'unbuildable'
    case 'interrupted':
      return 'interrupted'
  }
}

async function reportOf(session: Session, { good, commits }: Line, known: BisectReport['known'], culprit: Culprit, attempts: readonly Attempt[], wallSeconds: number): Promise<BisectReport> {
  const place = { ...gitPlace(session), signal: AbortSignal.timeout(10_000) }
  const commitAt = async (index: number): Promise<Commit> => ({ sha: commits[index] ?? '', subject: await subjectOf(place, commits[index] ?? '') })
  const told = async (): Promise<BisectReport['culprit']> => {
    switch (culprit.state) {
      case 'found':
        return { state: 'found', commit: await commitAt(culprit.index) }
      case 'among':
        return { state: 'among', commits: await Promise.all(Array.from({ length: culprit.to - culprit.from + 1 }, async (_, index) => commitAt(culprit.from + index))), why: culprit.why }
      case 'interrupted':
        return culprit
    }
  }
  const tried = await Promise.all(attempts.map(async (attempt) => ({ ...(await commitAt(attempt.index)), tried: attempt.tried })))
  return { schema: 'vigil.bisect/1', good, bad: commits.at(-1) ?? '', commits: commits.length, known, culprit: await told(), attempts: tried, wallSeconds: Math.round(wallSeconds) }
}

function sayInvalid({ world }: Session, options: AbOptions, reason: string): number {
  if (options.json) printJson(world, { schema: 'vigil.verdict/1', verdict: 'invalid', rows: [{ rule: 'duet', step: null, metric: 'validity', status: 'invalid', message: reason }] })
  else world.stdout(`INVALID  ${reason}\n`)
  return exitCodes.invalid.code
}

function sayNotSlower({ world, progress }: Session, options: AbOptions, { verdict }: AbDone): number {
  progress.warn('there is nothing to search for: the bad revision was not shown to be slower than the good one')
  if (options.json) printJson(world, verdict)
  else world.stdout(abText(verdict, world))
  return exitCodeOf(verdict.verdict)
}
