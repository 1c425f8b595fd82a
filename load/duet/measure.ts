import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { buildMixCycle, toAddress } from '../../journeys/index.ts'
import type { Journey, Secrets } from '../../journeys/index.ts'
import type { Run } from '../../record/index.ts'
import { countVirtualUsers } from '../engines/k6/generator.ts'
import type { UserCounts } from '../engines/k6/generator.ts'
import { sides } from '../engines/k6/k6-runtime/wire.ts'
import type { DuetScriptPlan, PreparedContexts, Side } from '../engines/k6/k6-runtime/wire.ts'
import { routePlan } from '../engine.ts'
import type { LoadPlan } from '../index.ts'
import { prepareUsers, releaseUsers } from '../virtual-users.ts'
import type { DuetEvents } from './follow.ts'
import { loadDuet } from './load.ts'
import type { DuetEnvironment, DuetLoadEnd, DuetLoadPlan } from './load.ts'
import type { RunningPair } from './processes/pair.ts'
import { profileAllowanceMs } from './profile.ts'
import type { SideFacts } from './unit-records.ts'
import type { Pace } from './warm.ts'

/** The load of a duet: a suite, at its rate on each side. */
export interface DuetSuite {
  name: string
  /** Absolute path of the journeys module, and its journeys. */
  module: string
  journeys: readonly Journey[]
  mix: { journey: string; weight: number }[]
  secrets?: Secrets
  /** Journeys a second on each side. */
  ratePerSecond: number
  requestTimeoutMs: number
  pace: Pace
}

export interface PairPlan {
  suite: DuetSuite
  /** Id of the duet. */
  run: string
  /** Number of the pair of processes, from 0. */
  attempt: number
  seed: number
  targets: Record<Side, Run['target']>
  environment: Run['environment']
  /** Of the measurement, without the warm-up. */
  maxUnits: number
}

/** With a side: it failed the users' `before` steps. */
export type PairEnd =
  | Exclude<DuetLoadEnd, { state: 'failed' }>
  | { state: 'failed'; side: Side | undefined; reason: string }

const releaseTimeoutMs = 5000

/** Prepares virtual users on both sides, loads both, and releases the users again. */
export async function measurePair(
  pair: RunningPair,
  plan: PairPlan,
  events: DuetEvents,
  environment: DuetEnvironment,
): Promise<PairEnd> {
  await mkdir(environment.folder, { recursive: true })
  const { suite } = plan
  const chosen = suite.mix.filter(({ weight }) => weight > 0)
  const journeys = chosen.flatMap(({ journey }) => suite.journeys.find(({ name }) => name === journey) ?? [])
  // Each virtual user plays arrivals of both sides, so users for one side's rate act on both.
  const users = countVirtualUsers({
    ratePerSecond: suite.ratePerSecond,
    requestTimeoutMs: suite.requestTimeoutMs,
    journeys,
    freeBytes: freemem(),
  })
  const route = async (side: Side) => routePlan(toLoadPlan(plan, side, pair), environment)
  const [baselineRoute, candidateRoute] = await Promise.all([route('baseline'), route('candidate')])
  const routes = { baseline: baselineRoute, candidate: candidateRoute }
  const plans = { baseline: baselineRoute.plan, candidate: candidateRoute.plan }
  const prepare = async (side: Side) =>
    prepareUsers(plans[side], suite.journeys, users.users, environment.signal)
  const [baseline, candidate] = await Promise.all([prepare('baseline'), prepare('candidate')])
  const prepared = { baseline, candidate }
  try {
    for (const side of sides) {
      const one = prepared[side]
      if (one.state === 'failed')
        return {
          state: 'failed',
          side,
          reason:
            `virtual users could not be prepared on the ${side}: ` +
            `${one.step} failed (${one.class}): ${one.message}`,
        }
    }
    if (baseline.state !== 'ready' || candidate.state !== 'ready') return { state: 'interrupted' }
    const contexts = { baseline: baseline.contexts, candidate: candidate.contexts }
    const load = toDuetLoadPlan(routes, pair, plan, journeys, users, contexts, environment.folder)
    const end = await loadDuet(load, events, environment)
    return end.state === 'failed' ? { ...end, side: undefined } : end
  } finally {
    const limit = AbortSignal.timeout(releaseTimeoutMs)
    await Promise.all(
      sides.map(async (side) => releaseUsers(plans[side], suite.journeys, prepared[side], limit)),
    )
  }
}

/** The plans of both sides, with the addresses that the load goes to. */
type Routes = Record<Side, Awaited<ReturnType<typeof routePlan>>>

function toDuetLoadPlan(
  routes: Routes,
  pair: RunningPair,
  plan: PairPlan,
  journeys: readonly Journey[],
  users: UserCounts,
  contexts: Record<Side, PreparedContexts>,
  folder: string,
): DuetLoadPlan {
  const { suite, targets, environment } = plan
  const { pace, ratePerSecond } = suite
  const pairsPerUnit = Math.max(1, Math.round((ratePerSecond * pace.unitMs) / 1000))
  const unitMs = (pairsPerUnit / ratePerSecond) * 1000
  const facts = (side: Side): SideFacts => ({
    suite: suite.name,
    target: targets[side],
    environment,
    ratePerSecond,
    note: routes[side].note,
  })
  return {
    script: {
      ...toScriptPlan(routes, plan, journeys, users, folder),
      durationMs: Math.ceil(
        profileAllowanceMs +
          pace.maxWarmUpMs +
          (plan.maxUnits * unitsToSpare.share + unitsToSpare.count) * unitMs,
      ),
    },
    pairsPerUnit,
    pace,
    module: suite.module,
    ...(suite.secrets && { secrets: suite.secrets }),
    journeys,
    contexts,
    facts: { baseline: facts('baseline'), candidate: facts('candidate') },
    run: `${plan.run}-${plan.attempt}`,
    readers: { baseline: pair.sides.baseline.reader, candidate: pair.sides.candidate.reader },
  }
}

/** The load lasts longer than its units need, since disturbed units are measured again. */
const unitsToSpare = { share: 1.4, count: 8 } as const

function toScriptPlan(
  routes: Routes,
  plan: PairPlan,
  journeys: readonly Journey[],
  { users, maxUsers }: UserCounts,
  folder: string,
): Omit<DuetScriptPlan, 'durationMs'> {
  const { suite, seed } = plan
  const toSide = (side: Side) => ({
    address: toAddress(routes[side].plan.targetUrl),
    ip: routes[side].plan.ip,
    run: toRunId(plan, side),
  })
  return {
    kind: 'duet',
    nonce: randomUUID(),
    seed,
    sides: { baseline: toSide('baseline'), candidate: toSide('candidate') },
    secrets: Object.keys(suite.secrets ?? {}),
    journeys: journeys.map(({ name }) => name),
    cycle: buildMixCycle(suite.mix.filter(({ weight }) => weight > 0).map(({ weight }) => weight)),
    ratePerSecond: suite.ratePerSecond,
    requestTimeoutMs: suite.requestTimeoutMs,
    users,
    ...countDuetUsers(suite.ratePerSecond, journeys, maxUsers),
    contextsFile: journeys.some(({ before }) => before?.length) ? join(folder, 'contexts.json') : undefined,
  }
}

const readyForMs = 250
const minVirtualUsers = 10

/**
 * k6 uses its virtual users in turn, and each keeps a connection to both sides: with few of them, connections
 * stay in use between a service's time limits. The preallocated ones suffice for a quarter of a second a
 * step; a slower service gets more, in the warm-up.
 */
function countDuetUsers(
  ratePerSecond: number,
  journeys: readonly Journey[],
  max: number,
): { preAllocated: number; maxUsers: number } {
  const steps = Math.max(1, ...journeys.map((journey) => journey.steps.length))
  const ready = Math.max(minVirtualUsers, Math.ceil((2 * ratePerSecond * steps * readyForMs) / 1000))
  return { preAllocated: Math.min(ready, max), maxUsers: Math.max(max, minVirtualUsers) }
}

/** Of the same length for both sides, so that both get requests of the same size. */
function toRunId({ run, attempt }: PairPlan, side: Side): string {
  return `${run}-${attempt}${side[0] ?? ''}`
}

/** What preparing and releasing the virtual users of a side needs. */
function toLoadPlan(plan: PairPlan, side: Side, pair: RunningPair): LoadPlan {
  const { suite } = plan
  return {
    run: toRunId(plan, side),
    suite: suite.name,
    targetUrl: pair.sides[side].url,
    ...(suite.secrets && { secrets: suite.secrets }),
    source: { kind: 'journeys', module: suite.module, mix: suite.mix },
    load: { model: 'arrival-rate', ratePerSecond: suite.ratePerSecond },
    warmupMs: 0,
    durationMs: 0,
    requestTimeoutMs: suite.requestTimeoutMs,
  }
}
