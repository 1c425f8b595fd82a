import type { ExactTallies } from '../../baselines/exact/index.ts'
import type { Random } from '../../record/index.ts'
import type { Journey } from '../../journeys/index.ts'
import { pairIndex, sideFor } from '../engines/k6/k6-runtime/wire.ts'
import type { DuetScriptPlan, PlayedJourney, Side } from '../engines/k6/k6-runtime/wire.ts'
import { countExactly, isCutShort } from './answers.ts'
import { isOfOtherProcess, subtractReadings, readProcess } from './process-readings.ts'
import type { ProcessReading, SideReader } from './process-readings.ts'
import { buildUnitRecord } from './unit-records.ts'
import type { DuetRun, SideFacts } from './unit-records.ts'
import { collectUnits, splitAtRandom } from './units.ts'
import { otherProcessReason } from '../../runtime/target/index.ts'
import type { PlayedPair, Unit } from './units.ts'
import { isWarm, readCost } from './warm.ts'
import type { Pace, UnitCost } from './warm.ts'

/** One pair of the comparison: the records of both sides with the same journeys at the same time. */
export interface MeasuredUnit {
  runs: Record<Side, DuetRun>
  exact: ExactTallies
  /** The baseline's journeys of this unit, split at random: missing where a test builds a unit. */
  control?: { first: DuetRun; second: DuetRun }
}

/** Events of a duet's load. */
export interface DuetEvents {
  onWarmUp: (spentMs: number) => void
  /** A unit was measured; `stop` ends the load. */
  onUnit: (unit: MeasuredUnit) => 'continue' | 'stop'
  /** After `stop`: the load goes on until this is done. */
  onDecided?: (countRequests: () => Record<Side, number>) => Promise<void>
}

export interface FollowPlan {
  script: DuetScriptPlan
  pairsPerUnit: number
  pace: Pace
  /** As in `script.journeys`. */
  journeys: readonly Journey[]
  facts: Record<Side, SideFacts>
  /** Ids of the records begin with it. */
  run: string
  readers: Record<Side, SideReader>
}

/** What following a load uses of the process around it. */
export interface FollowWorld {
  wallMs: () => number
  random: Random
  /** Arrivals so far that found no free virtual user. */
  countDropped: () => Promise<number>
  /** Ends the load. */
  stop: () => void
}

/** Readings of the same moment. `dropped`: arrivals of the load so far that found no free virtual user. */
interface Readings {
  at: string
  sides: Record<Side, ProcessReading>
  dropped: number
}

/** Follows a load unit by unit: first until both sides are warm, then it measures. */
export class UnitFollower {
  readonly #plan: FollowPlan
  readonly #events: DuetEvents
  readonly #world: FollowWorld
  readonly #unitMs: number
  readonly #collect: (played: PlayedJourney) => void
  readonly #readings = new Map<number, Promise<Readings>>()
  readonly #requests: Record<Side, number> = { baseline: 0, candidate: 0 }
  readonly #costs: UnitCost[] = []
  readonly #completed: Unit[] = []
  /** Users of whom a journey was cut short: from then on their data differs between the sides. */
  readonly #divergedUsers = new Set<number>()
  #isWarm = false
  #isStopped = false
  #work: Promise<void> = Promise.resolve()
  #failure: { cause: unknown } | undefined

  constructor(plan: FollowPlan, events: DuetEvents, world: FollowWorld) {
    this.#plan = plan
    this.#events = events
    this.#world = world
    this.#unitMs = (plan.pairsPerUnit / plan.script.ratePerSecond) * 1000
    this.#collect = collectUnits({
      seed: plan.script.seed,
      pairsPerUnit: plan.pairsPerUnit,
      onBegin: (unit) => {
        this.#readings.set(unit, this.#read())
        this.#processCompleted()
      },
      onComplete: (unit) => {
        this.#completed.push(unit)
        this.#processCompleted()
      },
    })
  }

  /** Adds a journey that has ended. */
  add(played: PlayedJourney): void {
    this.#requests[sideFor(this.#plan.script.seed, played[0])] += played[4].length
    this.#collect(played)
  }

  /** Resolves when all completed units are processed; throws the first error of processing one. */
  async finish(): Promise<void> {
    await this.#work
    if (this.#failure !== undefined) throw this.#failure.cause
  }

  async #read(): Promise<Readings> {
    const at = new Date(this.#world.wallMs()).toISOString()
    const [baseline, candidate, dropped] = await Promise.all([
      readProcess(this.#plan.readers.baseline, this.#requests.baseline),
      readProcess(this.#plan.readers.candidate, this.#requests.candidate),
      this.#world.countDropped(),
    ])
    return { at, dropped, sides: { baseline, candidate } }
  }

  // A unit is processed when the next one has begun: its end is the moment at which the processes were read.
  #processCompleted(): void {
    while (this.#completed[0] !== undefined && this.#readings.has(this.#completed[0].index + 1)) {
      const unit = this.#completed.shift()
      if (unit === undefined) return
      this.#work = this.#work
        .then(async () => this.#process(unit))
        .catch((cause: unknown) => {
          // `finish` throws it when the load has ended.
          this.#failure ??= { cause }
          this.#world.stop()
        })
    }
  }

  async #process(unit: Unit): Promise<void> {
    const [from, to] = await Promise.all([this.#readings.get(unit.index), this.#readings.get(unit.index + 1)])
    this.#readings.delete(unit.index)
    for (const pair of unit.pairs)
      if (isCutShort(pair.baseline) || isCutShort(pair.candidate))
        this.#divergedUsers.add(this.#findUser(pair))
    if (from === undefined || to === undefined || this.#isStopped) return
    const runs = {
      baseline: this.#buildRun('baseline', unit, from, to),
      candidate: this.#buildRun('candidate', unit, from, to),
    }
    if (this.#isWarm) await this.#addMeasured(unit, runs)
    else this.#addWarmUp(runs)
  }

  async #addMeasured(unit: Unit, runs: MeasuredUnit['runs']): Promise<void> {
    const hasDiverged = (pair: PlayedPair): boolean => this.#divergedUsers.has(this.#findUser(pair))
    const exact = countExactly(unit, this.#plan.journeys, hasDiverged)
    this.#isStopped = this.#events.onUnit({ runs, exact, control: this.#splitBaseline(unit) }) === 'stop'
    if (!this.#isStopped) return
    await this.#events.onDecided?.(() => ({ ...this.#requests }))
    this.#world.stop()
  }

  #addWarmUp(runs: MeasuredUnit['runs']): void {
    this.#costs.push({ baseline: readCost(runs.baseline), candidate: readCost(runs.candidate) })
    this.#isWarm = isWarm(this.#costs, this.#unitMs, this.#plan.pace)
    this.#events.onWarmUp(this.#costs.length * this.#unitMs)
  }

  #buildRun(side: Side, unit: Unit, from: Readings, to: Readings): DuetRun {
    const { run, journeys, facts } = this.#plan
    const label = { id: `${run}-${String(unit.index).padStart(4, '0')}-${side}`, startedAt: from.at }
    const process = subtractReadings(from.sides[side], to.sides[side])
    const record = buildUnitRecord(side, unit, journeys, facts[side], label, process)
    return {
      ...record,
      ...(isOfOtherProcess(from.sides[side], to.sides[side]) && {
        notes: [
          ...(record.notes ?? []),
          `${side}: garbage collection and cache are left out: ${otherProcessReason}`,
        ],
      }),
      generator: {
        droppedArrivals: Math.max(0, to.dropped - from.dropped),
        busyUsers: averageBusyUsers(side, unit, this.#unitMs),
      },
    }
  }

  /** Two records at half of the rate, as if each were a side. */
  #splitBaseline(unit: Unit): Required<MeasuredUnit>['control'] {
    const { journeys, facts, run } = this.#plan
    const [first, second] = splitAtRandom(unit.pairs, this.#world.random)
    const half = { ...facts.baseline, ratePerSecond: facts.baseline.ratePerSecond / 2 }
    const label = { id: `${run}-control`, startedAt: '' }
    const build = (pairs: PlayedPair[]): DuetRun =>
      buildUnitRecord('baseline', { ...unit, pairs }, journeys, half, label, {})
    return { first: build(first), second: build(second) }
  }

  #findUser({ baseline }: PlayedPair): number {
    return pairIndex(baseline[0]) % this.#plan.script.users
  }
}

/** How many virtual users a side kept busy on average. */
function averageBusyUsers(side: Side, unit: Unit, unitMs: number): number {
  return unit.pairs.reduce((sum, pair) => sum + pair[side][3] - pair[side][2], 0) / unitMs
}
