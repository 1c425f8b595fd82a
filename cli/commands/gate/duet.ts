import { reportPaths } from '../../shared/artefacts.ts'
import type { Verdict, VerdictWord } from '../../../baselines/index.ts'
import { formatExplanation } from '../../../baselines/why/index.ts'
import { composeCommand, describeLargestIncrease } from '../../../reports/wording/index.ts'
import { resolveBase } from '../../../runtime/processes/index.ts'
import { invalidDuetVerdict, measureDuets, toDuetSuites } from '../../shared/duet/duets.ts'
import type { MeasuredDuet } from '../../shared/duet/measure.ts'
import { duetDefaults } from '../../shared/options.ts'
import { configRepository } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import type { World } from '../../shared/world.ts'

/** A run or a duet of a gate, for programs that read its document. */
export interface GatePart {
  suite: string
  verdict: VerdictWord
  folder: string
  reports: ReturnType<typeof reportPaths>
}

export function toPart(part: Omit<GatePart, 'reports'>): GatePart {
  return { ...part, reports: reportPaths(part.folder) }
}

/** The result of the duets that a gate runs in addition to its budgets. */
export interface GateDuets {
  /** One for each suite, with the suite in every row. */
  verdicts: Verdict[]
  notes: string[]
  problems: string[]
  parts: GatePart[]
}

const none: GateDuets = { verdicts: [], notes: [], problems: [], parts: [] }

/** The revision that a change is compared with: `--base`, or the branch that CI names as its target. */
export interface Base {
  revision: string
  /** Given on the command line: then one that does not exist is a usage error. */
  isRequired: boolean
  /** Its tip, and not its merge base with the work tree. */
  tip?: true
}

/** GitHub's, GitLab's and Bitbucket's names for the branch that a change is proposed for. */
const branchVariables = [
  'GITHUB_BASE_REF',
  'CI_MERGE_REQUEST_TARGET_BRANCH_NAME',
  'BITBUCKET_PR_DESTINATION_BRANCH',
] as const

export function findBase(
  option: string | undefined,
  { env }: Pick<World, 'env'>,
  isTip = false,
): Base | undefined {
  const tip = isTip ? ({ tip: true } as const) : {}
  if (option !== undefined) return { revision: option, isRequired: true, ...tip }
  const branch = branchVariables.map((name) => env[name]).find((value) => value !== undefined && value !== '')
  return branch === undefined ? undefined : { revision: `origin/${branch}`, isRequired: false, ...tip }
}

/**
 * `inapplicable`: this gate has nothing to compare with a base; `missing`: no such revision; `unavailable`:
 * the base cannot be had here.
 */
export interface BaseProblem {
  kind: 'inapplicable' | 'missing' | 'unavailable'
  reason: string
}

/** Why a gate cannot compare the target with this base; undefined if it can. Measures nothing. */
export async function findBaseProblem(
  session: Session,
  { revision, tip }: Base,
  suiteNames: readonly string[],
): Promise<BaseProblem | undefined> {
  const no = `no duet against ${revision}`
  if (!session.boots)
    return {
      kind: 'inapplicable',
      reason: `${no}: the target runs elsewhere, and no revision of it can be started there`,
    }
  if (!suiteNames.some((name) => hasJourneysAtRate(session, name)))
    return {
      kind: 'inapplicable',
      reason: `${no}: none of the gate's suites runs journeys at a rate`,
    }
  const commit = await resolveBase(configRepository(session), revision, 'HEAD', tip)
  return commit.state === 'ok' ? undefined : { kind: commit.state, reason: `no duet: ${commit.reason}` }
}

/** Measures a duet of each suite that has a rate: the base and the work tree. */
export async function measureGateDuets(
  session: Session,
  base: Base | undefined,
  suiteNames: readonly string[],
  maxMinutes: number = duetDefaults.maxMinutes,
): Promise<GateDuets> {
  if (base === undefined || session.world.interrupted.aborted) return none
  const problem = await findBaseProblem(session, base, suiteNames)
  // A comparison that was asked for, in words or by CI, and was not made is no pass.
  if (problem !== undefined)
    return problem.kind === 'inapplicable' && !base.isRequired
      ? { ...none, notes: [problem.reason] }
      : { ...none, verdicts: [invalidDuetVerdict({ code: 'base-missing', reason: problem.reason })] }
  const names = suiteNames.filter((name) => hasJourneysAtRate(session, name))
  session.progress.phase(`comparing the work tree with ${base.revision}`)
  const result = await measureDuets(session, {
    sides: { baseline: base.revision, candidate: undefined, baseTip: base.tip ?? false },
    suites: toDuetSuites(session, names),
    rules: { strict: false, exact: {} },
    pairs: duetDefaults.pairs,
    maxMinutes,
    reproduce: composeCommand([
      'ab',
      base.revision,
      ...(base.tip ? ['--base-tip'] : []),
      ...names.flatMap((name) => ['--suite', name]),
      '--config',
      session.loaded.file,
      '--out',
      session.out,
    ]),
  })
  if (result.state === 'failed') return { ...none, verdicts: [invalidDuetVerdict(result)] }
  return {
    verdicts: result.duets.map(({ verdict }) => ({
      schema: verdict.schema,
      verdict: verdict.verdict,
      rows: verdict.rows
        .filter((row) => row.status !== 'skipped')
        .map((row) => ({ ...row, suite: verdict.suite })),
    })),
    notes: result.duets.flatMap(duetNotes),
    problems: result.duets.flatMap(({ problems }) => problems),
    parts: result.duets.map(({ verdict: { suite, verdict, folder } }) => toPart({ suite, verdict, folder })),
  }
}

function duetNotes({ verdict: found }: MeasuredDuet): string[] {
  const largest = found.functions && describeLargestIncrease({ changes: found.functions })
  const profile = [...(largest === undefined ? [] : [largest]), ...(found.missing ?? [])]
  const { sides, suite, verdict, duet, folder, why, control, noise, reproduce } = found
  return [
    `duet ${sides.baseline} → ${sides.candidate}, ${suite}: ${verdict}, ${duet.pairs} pairs; ${folder}`,
    ...why.map(formatExplanation),
    ...profile,
    ...(control === undefined ? [] : [`control: ${control.text}`]),
    ...(noise === undefined ? [] : [noise]),
    ...(verdict === 'pass' ? [] : [`repeat: ${reproduce}`]),
  ]
}

function hasJourneysAtRate(session: Session, name: string): boolean {
  const suite = session.loaded.config.suites[name]
  return suite !== undefined && suite.script === undefined && 'ratePerSecond' in suite.load
}
