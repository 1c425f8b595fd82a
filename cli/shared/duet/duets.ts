import type { DuetRules } from '../../../baselines/duet/index.ts'
import { withLowestCounts } from '../../../baselines/exact/index.ts'
import type { LowestCounts } from '../../../baselines/exact/index.ts'
import type { CodedReason, Verdict } from '../../../baselines/index.ts'
import type { Config } from '../../../config/index.ts'
import { defaultPace, openScratch } from '../../../load/duet/index.ts'
import { runGit } from '../../../runtime/processes/index.ts'
import type { DuetSuite, Scratch } from '../../../load/duet/index.ts'
import { adviseNextSteps, cleanText } from '../../../reports/wording/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { readCounts, storedFolder } from '../baselines.ts'
import { duetSuiteName, refuseNarrowMargin, configSuiteName } from '../known-noise.ts'
import type { CommonOptions } from '../options.ts'
import { configRepository, describeEnvironment, newRunId } from '../session.ts'
import { withTargetLock } from '../target.ts'
import type { Session } from '../session.ts'
import { findK6, planSuite } from '../suites.ts'
import { printJson, UsageError, version } from '../world.ts'
import { measureDuet } from './measure.ts'
import type { DuetPlan, MeasuredDuet } from './measure.ts'
import { checkSides, isUrl, revisionSides, urlSides } from './sides.ts'
import type { RequestedSides, SidesResult } from './sides.ts'

/** What `ab`, or the duet of a gate, is to measure. */
export interface DuetsRequest extends Pick<
  DuetPlan,
  'rules' | 'pairs' | 'maxMinutes' | 'control' | 'reproduce'
> {
  sides: RequestedSides
  suites: readonly DuetSuite[]
}

export type DuetsResult = { state: 'ok'; duets: MeasuredDuet[] } | ({ state: 'failed' } & CodedReason)

/** Measures a duet of each suite, one after the other. */
export async function measureDuets(session: Session, request: DuetsRequest): Promise<DuetsResult> {
  const { suites, rules } = request
  const unavailable = await checkSides(session, request.sides)
  if (unavailable !== undefined) return { state: 'failed', code: 'base-missing', reason: unavailable }
  const counts = await ratchetCounts(session, rules)
  const k6 = await findK6(session)
  if (k6.state === 'missing') return { state: 'failed', code: 'tool-missing', reason: k6.reason }
  await refuseNarrowMargin(
    session.out,
    suites.map(({ name }) => configSuiteName(name)),
    rules.margin,
    describeEnvironment(session, k6.label).fingerprint,
    session.progress.warn,
  )
  const startMs = performance.now()
  const measureAll = async (): Promise<DuetsResult> =>
    withScratch(session, async (scratch): Promise<DuetsResult> => {
      const prepared = await prepareSides(session, request.sides, scratch)
      if (prepared.state === 'failed')
        return {
          state: 'failed',
          code: prepared.code,
          reason: `${prepared.side === undefined ? '' : `the ${prepared.side}: `}${prepared.reason}`,
        }
      const preparedSeconds = (performance.now() - startMs) / 1000
      const duets: MeasuredDuet[] = []
      for (const suite of suites) {
        if (session.world.interrupted.aborted) break
        duets.push(
          await measureDuet(session, {
            ...request,
            sides: prepared.sides,
            suite,
            rules: {
              ...rules,
              exact: withLowestCounts(rules.exact ?? {}, counts, configSuiteName(suite.name)),
            },
            k6,
            scratch,
            preparedSeconds: duets.length === 0 ? preparedSeconds : 0,
          }),
        )
      }
      return { state: 'ok', duets }
    })
  const result = await withTargetLock(session, measureAll, loadedUrls(request.sides))
  return result.state === 'ok' ? result.value : { ...result, state: 'failed' }
}

/** The two services of a duet of URLs; undefined: revisions, which take the place of the target. */
function loadedUrls({ baseline, candidate }: RequestedSides): string[] | undefined {
  return isUrl(baseline) && candidate !== undefined ? [baseline, candidate] : undefined
}

/** The verdict of a duet that could not be measured. */
export function invalidDuetVerdict({ code, reason }: CodedReason): Verdict {
  return {
    schema: 'vigil.verdict/1',
    verdict: 'invalid',
    rows: [{ rule: 'duet', step: null, metric: 'validity', status: 'invalid', code, message: reason }],
  }
}

/** Prints why a duet could not be measured. Returns the exit code. */
export function reportInvalidDuet(
  { world }: Session,
  { json }: Pick<CommonOptions, 'json'>,
  reason: CodedReason,
): number {
  const verdict = invalidDuetVerdict(reason)
  if (json) printJson(world, verdict)
  else {
    const { args: command } = world
    const input = {
      title: 'ab',
      verdict,
      runs: [],
      notes: [],
      vigilVersion: version(),
      ...(command && { command }),
    }
    world.stdout(`INVALID  ${reason.reason}\n`)
    for (const next of adviseNextSteps(input)) world.stdout(`  Next: ${next}\n`)
  }
  return exitCodes.invalid.code
}

const requestTimeoutMs = 10_000

/** The suites to compare: those named, else the config's first that has a rate. */
export function toDuetSuites(
  session: Session,
  names: readonly string[] | undefined,
  rate?: number,
): DuetSuite[] {
  const { config, journeysModule, journeys } = session.loaded
  return (names ?? [firstSuiteWithRate(config)]).map((name) => {
    const { suite } = planSuite(config, name, { ...(rate !== undefined && { engine: 'k6', rate }) })
    if (suite.script !== undefined)
      throw new UsageError(
        `suite ${name} is a k6 script: a duet needs journeys, because it can send each of their requests ` +
          'to either side',
      )
    if (!('ratePerSecond' in suite.load))
      throw new UsageError(
        `suite ${name} keeps connections busy: a duet needs a rate; ` +
          'name another suite, or give a rate with --rate',
      )
    return {
      name: duetSuiteName(name),
      module: journeysModule,
      journeys,
      mix: Object.entries(suite.journeys ?? {}).map(([journey, weight]) => ({ journey, weight })),
      secrets: session.secrets,
      ratePerSecond: suite.load.ratePerSecond,
      requestTimeoutMs,
      pace: defaultPace,
    }
  })
}

function firstSuiteWithRate({ suites }: Config): string {
  const found = Object.entries(suites).find(
    ([, suite]) => 'ratePerSecond' in suite.load && suite.script === undefined,
  )
  if (found === undefined)
    throw new UsageError(
      'suites: found none with journeys at a rate, expected one for a duet ' +
        '(or a suite by --suite and a rate by --rate)',
    )
  return found[0]
}

/** Gives `work` a folder of its own, which is removed afterwards with its worktrees, data and scripts. */
export async function withScratch<T>(session: Session, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const scratch = await openScratch(session.out, newRunId(session, 'ab'), session.world.pid)
  try {
    return await work(scratch)
  } finally {
    await scratch.remove()
    // Git's own records of worktrees whose folders are gone.
    await runGit({ ...configRepository(session), signal: AbortSignal.timeout(10_000) }, 'worktree', 'prune')
  }
}

/** The counts that a ratchet compares with; a damaged file must not pass for an empty one. */
async function ratchetCounts(session: Session, { exact = {} }: DuetRules): Promise<LowestCounts | undefined> {
  if (!Object.values(exact).some(({ kind }) => kind === 'ratchet')) return undefined
  const read = await readCounts(storedFolder(session.loaded.file))
  if (read.state === 'invalid') throw new UsageError(cleanText(read.problem, 600))
  return read.counts
}

async function prepareSides(
  session: Session,
  { baseline, candidate }: RequestedSides,
  scratch: Scratch,
): Promise<SidesResult> {
  if (isUrl(baseline) && candidate !== undefined) return urlSides(session, baseline, candidate)
  return revisionSides(session, { baseline, candidate }, scratch)
}
