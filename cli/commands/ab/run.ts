import type { DuetRules } from '../../../baselines/duet/index.ts'
import { combineVerdicts } from '../../../baselines/index.ts'
import { exitCodeOf, exitCodes } from '../../exit-codes.ts'
import { measureDuets, reportInvalidDuet, toDuetSuites } from '../../shared/duet/duets.ts'
import { toDuetReport } from '../../shared/duet/files.ts'
import type { MeasuredDuet } from '../../shared/duet/measure.ts'
import { isUrl } from '../../shared/duet/sides.ts'
import type { RequestedSides } from '../../shared/duet/sides.ts'
import { openSession } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { printJson, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { adviseNextSteps, composeCommand } from '../../../reports/wording/index.ts'
import type { AbOptions } from './command.ts'
import { abText } from './text.ts'

/** Measures two revisions, or two URLs, against each other until the result is statistically certain. */
export async function ab(
  base: string | undefined,
  candidate: string | undefined,
  options: AbOptions,
  world: World,
): Promise<number> {
  const session = await openSession(options, world)
  if (options.bisect !== undefined) {
    const { bisectRevisions } = await import('./bisect.ts')
    const revisions = [...options.bisect, base, candidate].filter((revision) => revision !== undefined)
    return bisectRevisions(session, options, revisions, toDuetRules(options))
  }
  const sides = toSides(base, candidate, options)
  if (options.control === true && isUrl(sides.baseline))
    throw new UsageError('--control: found URLs, expected revisions, of which vigil can start a second copy')
  const result = await measureDuets(session, {
    sides,
    suites: toDuetSuites(session, options.suite, options.rate),
    rules: toDuetRules(options),
    pairs: options.pairs,
    maxMinutes: options.maxMinutes,
    control: options.control ?? false,
    reproduce: composeCommand(world.args ?? ['ab']),
  })
  if (result.state === 'failed') return reportInvalidDuet(session, options, result)
  return report(session, options, result.duets)
}

function toSides(
  base: string | undefined,
  candidate: string | undefined,
  { targetBase, targetCandidate, baseTip = false }: AbOptions,
): RequestedSides {
  const baseline = targetBase ?? base
  if (baseline === undefined)
    throw new UsageError('base: found none, expected a revision (vigil ab origin/main), or two URLs')
  // With --target-base, the only argument is the candidate.
  const argument = targetBase === undefined ? candidate : (candidate ?? base)
  return { baseline, candidate: targetCandidate ?? argument, baseTip }
}

function toDuetRules({ strict, margin, exact }: AbOptions): DuetRules {
  return {
    strict: strict ?? false,
    ...(margin !== undefined && { margin: margin / 100 }),
    exact: exact ?? {},
  }
}

function report(session: Session, { json, mode }: AbOptions, duets: readonly MeasuredDuet[]): number {
  const { world, progress, loaded } = session
  const problems = duets.flatMap((duet) => duet.problems)
  for (const problem of problems) progress.warn(problem)
  const verdicts = duets.map(({ verdict }) => verdict)
  const combined = combineVerdicts(verdicts, [])
  if (json) printJson(world, verdicts.length === 1 ? verdicts[0] : { ...combined, suites: verdicts })
  else
    for (const { verdict, outcome } of duets)
      world.stdout(abText(verdict, world, adviseNextSteps(toDuetReport(verdict, outcome, world.args))))
  return problems.length > 0
    ? exitCodes.invalid.code
    : exitCodeOf(combined.verdict, mode ?? loaded.config.gate?.mode)
}
