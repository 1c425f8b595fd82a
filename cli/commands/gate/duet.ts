import type { Verdict } from '../../../baselines/index.ts'
import { formatExplanation } from '../../../baselines/why/index.ts'
import { resolveCommit } from '../../../load/duet/index.ts'
import type { Session } from '../../shared/session.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { duets } from '../ab/run.ts'
import type { AbOptions } from '../ab/options.ts'
import { gitPlace } from '../ab/sides.ts'

/** What the duet beside a gate's budgets came to. */
export interface GateDuet {
  /** One for each suite, with the suite in every row. */
  verdicts: Verdict[]
  notes: string[]
  problems: string[]
}

const none: GateDuet = { verdicts: [], notes: [], problems: [] }

/** What a change is held against: what was asked for, or the branch that CI says the change is for. */
export interface Base {
  revision: string
  /** Named on the command line: then it must be there. */
  asked: boolean
}

/** GitHub's, GitLab's and Bitbucket's names for the branch that a change is proposed for. */
const variables = [
  'GITHUB_BASE_REF',
  'CI_MERGE_REQUEST_TARGET_BRANCH_NAME',
  'BITBUCKET_PR_DESTINATION_BRANCH',
] as const

export function baseOf(asked: string | undefined, { env }: Pick<World, 'env'>): Base | undefined {
  if (asked !== undefined) return { revision: asked, asked: true }
  const branch = variables.map((name) => env[name]).find((value) => value !== undefined && value !== '')
  return branch === undefined ? undefined : { revision: `origin/${branch}`, asked: false }
}

/** Why a gate cannot hold the target against this base, found out before anything is measured; undefined when it can. */
export async function baseProblem(session: Session, base: Base): Promise<string | undefined> {
  if (!session.boots)
    return `no duet against ${base.revision}: the target runs elsewhere, and a revision of it cannot be started beside it`
  const commit = await resolveCommit(gitPlace(session), base.revision)
  return commit.state === 'ok' ? undefined : `no duet: ${commit.reason}`
}

/** A duet of each suite that has a rate: the base against the work tree. */
export async function gateDuet(
  session: Session,
  base: Base | undefined,
  suites: readonly string[],
  options: Pick<AbOptions, 'config' | 'out' | 'quiet'>,
): Promise<GateDuet> {
  if (base === undefined || session.world.interrupted.aborted) return none
  const problem = await baseProblem(session, base)
  if (problem !== undefined) {
    if (base.asked) throw new UsageError(problem)
    return { ...none, notes: [problem] }
  }
  const suite = suites.filter((name) => isForDuet(session, name))
  if (suite.length === 0)
    return {
      ...none,
      notes: [`no duet against ${base.revision}: none of the gate's suites plays journeys at a rate`],
    }
  session.progress.phase(`holding the work tree against ${base.revision}`)
  const ran = await duets(session, { baseline: base.revision, candidate: undefined }, { ...options, suite })
  if (ran.state === 'failed')
    return {
      ...none,
      verdicts: [
        {
          schema: 'vigil.verdict/1',
          verdict: 'invalid',
          rows: [{ rule: 'duet', step: null, metric: 'validity', status: 'invalid', message: ran.reason }],
        },
      ],
    }
  return {
    verdicts: ran.done.map(({ verdict }) => ({
      schema: verdict.schema,
      verdict: verdict.verdict,
      rows: verdict.rows
        .filter((row) => row.status !== 'skipped')
        .map((row) => ({ ...row, suite: verdict.suite })),
    })),
    notes: ran.done.flatMap(({ verdict }) => [
      `duet ${verdict.sides.baseline} → ${verdict.sides.candidate}, ${verdict.suite}: ${verdict.verdict}, ${verdict.duet.pairs} pairs; ${verdict.folder}`,
      ...verdict.why.map(formatExplanation),
      ...(verdict.noise === undefined ? [] : [verdict.noise]),
      ...(verdict.verdict === 'pass' ? [] : [`again: ${verdict.reproduce}`]),
    ]),
    problems: ran.done.flatMap(({ problems }) => problems),
  }
}

function isForDuet(session: Session, name: string): boolean {
  const suite = session.loaded.config.suites[name]
  return suite !== undefined && suite.script === undefined && 'ratePerSecond' in suite.load
}
