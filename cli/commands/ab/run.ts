import type { DuetRules } from '../../../baselines/duet/index.ts'
import { withLowestCounts } from '../../../baselines/exact/index.ts'
import type { LowestCounts } from '../../../baselines/exact/index.ts'
import { combineVerdicts } from '../../../baselines/index.ts'
import { runGit, openScratch } from '../../../load/duet/index.ts'
import type { Scratch } from '../../../load/duet/index.ts'
import { plain } from '../../../reports/wording/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { environmentHere, newRunId, openSession, withTargetLock } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { abRun, findK6, plannedPairs } from './duet.ts'
import type { AbDone } from './duet.ts'
import { checkAsked, gitPlace, isUrl, revisionSides, urlSides } from './sides.ts'
import type { Asked, SidesResult } from './sides.ts'
import { abDefaults, abRules, abSuites } from './options.ts'
import type { AbOptions } from './options.ts'
import { readCounts, storedFolder } from '../../shared/baselines.ts'
import { suiteOf, refuseNarrowMargin } from '../../shared/known-noise.ts'
import { abText } from './text.ts'

/** Two revisions, or two URLs, against each other: measured until it is sure. */
export async function ab(
  base: string | undefined,
  candidate: string | undefined,
  options: AbOptions,
  world: World,
): Promise<number> {
  const session = await openSession(options, world)
  if (options.bisect !== undefined) {
    const { abBisect } = await import('./bisect.ts')
    return abBisect(options.bisect, [base, candidate], options, session)
  }
  const baseline = options.targetBase ?? base
  if (baseline === undefined)
    throw new UsageError('base: found none, expected a revision (vigil ab origin/main), or two URLs')
  const done = await duets(
    session,
    {
      baseline,
      candidate:
        options.targetCandidate ?? (options.targetBase === undefined ? candidate : (candidate ?? base)),
    },
    options,
  )
  if (done.state === 'failed') {
    const verdict = {
      schema: 'vigil.verdict/1',
      verdict: 'invalid',
      rows: [{ rule: 'duet', step: null, metric: 'validity', status: 'invalid', message: done.reason }],
    }
    if (options.json) printJson(world, verdict)
    else world.stdout(`INVALID  ${done.reason}\n`)
    return exitCodes.invalid.code
  }
  return concludeAb(session, options, done.done)
}

export type Duets = { state: 'done'; done: AbDone[] } | { state: 'failed'; reason: string }

/** A duet of each suite, one after the other. */
export async function duets(session: Session, asked: Asked, options: AbOptions): Promise<Duets> {
  const { world } = session
  const suites = abSuites(session, options)
  const rules = abRules(options)
  await checkAsked(session, asked)
  const counts = await countsFor(session, rules)
  const k6 = await findK6(session)
  if (k6.state === 'missing') return { state: 'failed', reason: k6.reason }
  await refuseNarrowMargin(
    session.out,
    suites.map(({ name }) => suiteOf(name)),
    rules.margin,
    environmentHere(k6.k6.label).fingerprint,
    session.progress.warn,
  )
  const beganAt = performance.now()
  const locked = await withTargetLock(session, async () =>
    withScratch(session, async (scratch): Promise<Duets> => {
      const made = await sidesOf(session, asked, scratch)
      if (made.state === 'failed')
        return {
          state: 'failed',
          reason: made.side === undefined ? made.reason : `the ${made.side}: ${made.reason}`,
        }
      const preparedSeconds = (performance.now() - beganAt) / 1000
      const done: AbDone[] = []
      for (const suite of suites) {
        if (world.interrupted.aborted) break
        done.push(
          await abRun(session, {
            sides: made.sides,
            suite,
            rules: { ...rules, exact: withLowestCounts(rules.exact ?? {}, counts, suiteOf(suite.name)) },
            pairs: plannedPairs(options.pairs),
            maxMinutes: options.maxMinutes ?? abDefaults.maxMinutes,
            reproduce: commandOf(asked, options),
            quiet: options.quiet ?? false,
            k6: k6.k6,
            scratch,
            preparedSeconds: done.length === 0 ? preparedSeconds : 0,
          }),
        )
      }
      return { state: 'done', done }
    }),
  )
  return locked.state === 'used' ? locked.result : { state: 'failed', reason: locked.reason }
}

/** What a ratchet holds to; a damaged file must not pass for one that says nothing. */
async function countsFor(session: Session, { exact = {} }: DuetRules): Promise<LowestCounts | undefined> {
  if (!Object.values(exact).some(({ kind }) => kind === 'ratchet')) return undefined
  const read = await readCounts(storedFolder(session.loaded.file))
  if (read.state === 'refused') throw new UsageError(plain(read.problem, 600))
  return read.counts
}

async function sidesOf(
  session: Session,
  { baseline, candidate }: Asked,
  scratch: Scratch,
): Promise<SidesResult> {
  if (isUrl(baseline) && candidate !== undefined)
    return { state: 'ready', sides: urlSides(session, baseline, candidate) }
  return revisionSides(session, { baseline, candidate }, scratch)
}

/** Gives `work` a folder of its own; worktrees, data and scripts in it are gone afterwards, however it ends. */
export async function withScratch<T>(session: Session, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const scratch = await openScratch(session.out, newRunId(session, 'ab'), session.world.pid)
  try {
    return await work(scratch)
  } finally {
    await scratch.remove()
    // Git's own notes of worktrees whose folders are gone.
    await runGit({ ...gitPlace(session), signal: AbortSignal.timeout(10_000) }, 'worktree', 'prune')
  }
}

function commandOf({ baseline, candidate }: Asked, options: AbOptions): string {
  const words = ['vigil', 'ab', baseline, ...(candidate === undefined ? [] : [candidate])]
  for (const suite of options.suite ?? []) words.push('--suite', suite)
  if (options.rate !== undefined) words.push('--rate', String(options.rate))
  if (options.margin !== undefined) words.push('--margin', String(options.margin))
  if (options.pairs !== undefined) words.push('--pairs', String(options.pairs))
  return words.join(' ')
}

function concludeAb({ world, progress }: Session, options: AbOptions, done: readonly AbDone[]): number {
  const problems = done.flatMap((one) => one.problems)
  for (const problem of problems) progress.warn(problem)
  const [only] = done
  const all = combineVerdicts(
    done.map(({ verdict }) => verdict),
    [],
  )
  if (options.json)
    printJson(
      world,
      done.length === 1 && only ? only.verdict : { ...all, suites: done.map(({ verdict }) => verdict) },
    )
  else for (const { verdict } of done) world.stdout(abText(verdict, world))
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(all.verdict)
}
