import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { addressOf } from '../../journeys/client/index.ts'
import { mixCycle } from '../../journeys/index.ts'
import type { Journey } from '../../journeys/index.ts'
import type { LoadPlan } from '../index.ts'
import { sizeUsers } from '../engines/k6/sizing.ts'
import { prepareUsers, releaseUsers } from '../virtual-users/index.ts'
import type { Prepared } from '../virtual-users/index.ts'
import type { Run } from '../../record/index.ts'
import { sides } from './inside/sides.ts'
import type { Side } from './inside/sides.ts'
import type { DuetPlan } from './inside/wire.ts'
import { loadDuet } from './load.ts'
import type { DuetEvents, DuetLoadEnd, DuetLoadPlan, DuetSurroundings } from './load.ts'
import type { RunningPair } from './processes/pair.ts'
import type { Pace } from './warm.ts'

/** What a duet loads both sides with: a suite, at its rate on each. */
export interface DuetSuite {
  name: string
  /** Absolute path of the journeys module, and what it holds. */
  module: string
  journeys: readonly Journey[]
  mix: { journey: string; weight: number }[]
  /** Journeys a second on each side. */
  ratePerSecond: number
  requestTimeoutMs: number
  pace: Pace
}

export interface Measuring {
  suite: DuetSuite
  /** Id of the duet: of the same length for both sides in all they see of it. */
  run: string
  /** Which pair of processes, from 0. */
  attempt: number
  seed: number
  targets: Record<Side, Run['target']>
  environment: Run['environment']
  /** Of measuring, warm-up not counted. */
  mostUnits: number
}

/** `refused`: a side failed the users' `before` steps. */
export type MeasuredEnd = DuetLoadEnd | { state: 'refused'; side: Side; reason: string }

const leaveMs = 5000

/** Prepares virtual users on both sides, loads both, and releases the users again. */
export async function measurePair(
  pair: RunningPair,
  plan: Measuring,
  events: DuetEvents,
  surroundings: DuetSurroundings,
): Promise<MeasuredEnd> {
  await mkdir(surroundings.folder, { recursive: true })
  const { suite } = plan
  const chosen = suite.mix.filter(({ weight }) => weight > 0)
  const journeys = chosen.flatMap(({ journey }) => suite.journeys.find(({ name }) => name === journey) ?? [])
  // Users are shared by both sides' arrivals, so there are as many arrivals as both get.
  const sizing = sizeUsers({
    ratePerSecond: suite.ratePerSecond,
    requestTimeoutMs: suite.requestTimeoutMs,
    journeys,
    freeBytes: freemem(),
  })
  const loads = Object.fromEntries(sides.map((side) => [side, loadPlanOf(plan, side, pair)]))
  const loadOf = (side: Side): LoadPlan => loads[side] ?? loadPlanOf(plan, side, pair)
  const [baseline, candidate] = await Promise.all([
    prepareUsers(loadOf('baseline'), suite.journeys, sizing.users, surroundings.signal),
    prepareUsers(loadOf('candidate'), suite.journeys, sizing.users, surroundings.signal),
  ])
  const prepared = { baseline, candidate }
  try {
    return await loadPrepared(pair, plan, prepared, sizing, journeys, events, surroundings)
  } finally {
    const limit = AbortSignal.timeout(leaveMs)
    await Promise.all(
      sides.map(async (side) => releaseUsers(loadOf(side), suite.journeys, prepared[side], limit)),
    )
  }
}

async function loadPrepared(
  pair: RunningPair,
  plan: Measuring,
  prepared: Record<Side, Prepared>,
  sizing: ReturnType<typeof sizeUsers>,
  journeys: readonly Journey[],
  events: DuetEvents,
  surroundings: DuetSurroundings,
): Promise<MeasuredEnd> {
  const { baseline, candidate } = prepared
  for (const side of sides) {
    const of = prepared[side]
    if (of.state === 'failed')
      return {
        state: 'refused',
        side,
        reason: `virtual users could not be prepared on the ${side}: ${of.step} failed (${of.class}): ${of.message}`,
      }
  }
  if (baseline.state !== 'ready' || candidate.state !== 'ready') return { state: 'interrupted' }
  const { suite, targets, environment } = plan
  const { pace, ratePerSecond } = suite
  const pairsPerUnit = Math.max(1, Math.round((ratePerSecond * pace.unitMs) / 1000))
  const unitMs = (pairsPerUnit / ratePerSecond) * 1000
  const script: DuetPlan = {
    nonce: randomUUID(),
    seed: plan.seed,
    sides: {
      baseline: { address: addressOf(pair.sides.baseline.url), run: runOf(plan, 'baseline') },
      candidate: { address: addressOf(pair.sides.candidate.url), run: runOf(plan, 'candidate') },
    },
    journeys: journeys.map(({ name }) => name),
    cycle: mixCycle(suite.mix.filter(({ weight }) => weight > 0).map(({ weight }) => weight)),
    pairsPerSecond: ratePerSecond,
    durationMs: Math.ceil(pace.maxWarmUpMs + (plan.mostUnits * 1.4 + 8) * unitMs),
    requestTimeoutMs: suite.requestTimeoutMs,
    users: sizing.users,
    ...virtualUsers(ratePerSecond, journeys, sizing.maxUsers),
    contextsFile: join(surroundings.folder, 'contexts.json'),
  }
  const facts = (side: Side): DuetLoadPlan['facts'][Side] => ({
    suite: suite.name,
    target: targets[side],
    environment,
    ratePerSecond,
  })
  const load: DuetLoadPlan = {
    script,
    pairsPerUnit,
    pace,
    module: suite.module,
    journeys,
    contexts: { baseline: baseline.contexts, candidate: candidate.contexts },
    facts: { baseline: facts('baseline'), candidate: facts('candidate') },
    run: `${plan.run}-${plan.attempt}`,
    readers: { baseline: pair.sides.baseline.reader, candidate: pair.sides.candidate.reader },
  }
  return loadDuet(load, events, surroundings)
}

const readyForMs = 250

/**
 * k6 takes its virtual users in turn, and each keeps a connection to both sides: with few of them connections stay in use
 * between a service's time limits. Ready are enough for a quarter of a second a step; a slower service gets more, in the warm-up.
 */
function virtualUsers(
  ratePerSecond: number,
  journeys: readonly Journey[],
  most: number,
): { preAllocated: number; maxUsers: number } {
  const steps = Math.max(1, ...journeys.map((journey) => journey.steps.length))
  const ready = Math.max(10, Math.ceil((2 * ratePerSecond * steps * readyForMs) / 1000))
  return { preAllocated: Math.min(ready, most), maxUsers: Math.max(most, 10) }
}

function runOf({ run, attempt }: Measuring, side: Side): string {
  return `${run}-${attempt}${side[0] ?? ''}`
}

function loadPlanOf(plan: Measuring, side: Side, pair: RunningPair): LoadPlan {
  const { suite } = plan
  return {
    run: runOf(plan, side),
    suite: suite.name,
    targetUrl: pair.sides[side].url,
    source: { kind: 'journeys', module: suite.module, mix: suite.mix },
    load: { model: 'arrival-rate', ratePerSecond: suite.ratePerSecond },
    warmupMs: 0,
    durationMs: 0,
    requestTimeoutMs: suite.requestTimeoutMs,
  }
}
