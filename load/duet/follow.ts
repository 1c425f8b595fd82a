import { latencyOf } from '../../record/index.ts'
import { betweenReadings, readingOf } from './metrics.ts'
import type { Reading } from './metrics.ts'
import { pairOf } from './inside/sides.ts'
import type { Side } from './inside/sides.ts'
import type { Played } from './inside/wire.ts'
import type { DuetEvents, DuetLoadPlan, MeasuredUnit } from './load.ts'
import { exactTalliesOf, isCutShort, unitRecord } from './unit-records.ts'
import type { DuetRun } from './unit-records.ts'
import { collectUnits } from './units.ts'
import type { PlayedPair, Unit } from './units.ts'
import { isWarm } from './warm.ts'
import type { Cost } from './warm.ts'

/** How a side's process is looked at, once a unit. */
export interface SideReader {
  /** CPU time so far, in milliseconds; undefined where it cannot be known. */
  cpuMs: () => number | undefined
  /** The same of its database, as far as that computes for it. */
  databaseCpuMs: () => number | undefined
  /** Its Prometheus metrics, if it has any and answers in time. */
  exposition: () => Promise<string | undefined>
}

/** All that is read at the same moment. `dropped`: arrivals of the load so far that no virtual user was free for. */
interface ReadAtOnce {
  at: string
  both: Record<Side, Reading>
  dropped: number
}

/** What following a load needs of the world around it. */
export interface FollowWorld {
  wallMs: () => number
  /** Arrivals so far that no virtual user was free for. */
  dropped: () => Promise<number>
}

type FollowEvents = DuetEvents & { enough: () => void }

class Follower {
  readonly #plan: DuetLoadPlan
  readonly #events: FollowEvents
  readonly #world: FollowWorld
  readonly #unitMs: number
  readonly #units: { add: (played: Played) => void }
  readonly #readings = new Map<number, Promise<ReadAtOnce>>()
  readonly #ended: Record<Side, number> = { baseline: 0, candidate: 0 }
  readonly #costs: Cost[] = []
  readonly #waiting: Unit[] = []
  /** Users of whom a journey was cut short: from then on their data differs from side to side. */
  readonly #spoiled = new Set<number>()
  #warm = false
  #stopped = false
  #work: Promise<void> = Promise.resolve()
  #failure: { cause: unknown } | undefined

  constructor(plan: DuetLoadPlan, events: FollowEvents, world: FollowWorld) {
    this.#plan = plan
    this.#events = events
    this.#world = world
    this.#unitMs = (plan.pairsPerUnit / plan.script.pairsPerSecond) * 1000
    this.#units = collectUnits({
      seed: plan.script.seed,
      pairsPerUnit: plan.pairsPerUnit,
      begun: (unit) => {
        this.#readings.set(unit, this.#read())
        this.#settleWhatIs()
      },
      closed: (unit) => {
        this.#waiting.push(unit)
        this.#settleWhatIs()
      },
    })
  }

  played(played: Played, side: Side): void {
    this.#ended[side] += played[4].length
    this.#units.add(played)
  }

  /** When all units so far are settled; throws what went wrong with one of them. */
  async settled(): Promise<void> {
    await this.#work
    if (this.#failure !== undefined) throw this.#failure.cause
  }

  async #read(): Promise<ReadAtOnce> {
    const at = new Date(this.#world.wallMs()).toISOString()
    // Counts and CPU time of the same moment; a service may take its time to tell its metrics.
    const readingAt = (side: Side): Promise<Reading> => {
      const reader = this.#plan.readers[side]
      const read = {
        requests: this.#ended[side],
        cpuMs: reader.cpuMs(),
        databaseCpuMs: reader.databaseCpuMs(),
      }
      return reader.exposition().then((text) => readingOf(read, text))
    }
    const [baseline, candidate, dropped] = await Promise.all([
      readingAt('baseline'),
      readingAt('candidate'),
      this.#world.dropped(),
    ])
    return { at, dropped, both: { baseline, candidate } }
  }

  // A unit is settled when the next one has begun: that is when the processes were looked at.
  #settleWhatIs(): void {
    while (this.#waiting[0] !== undefined && this.#readings.has(this.#waiting[0].index + 1)) {
      const unit = this.#waiting.shift()
      if (unit === undefined) return
      this.#work = this.#work
        .then(async () => this.#settle(unit))
        .catch((cause: unknown) => {
          // Nobody waits for it yet; the load ends, and whoever waits for that is told.
          this.#failure ??= { cause }
          this.#events.enough()
        })
    }
  }

  async #settle(unit: Unit): Promise<void> {
    const [from, to] = await Promise.all([this.#readings.get(unit.index), this.#readings.get(unit.index + 1)])
    this.#readings.delete(unit.index)
    for (const pair of unit.pairs)
      if (isCutShort(pair.baseline) || isCutShort(pair.candidate)) this.#spoiled.add(this.#userOf(pair))
    if (from === undefined || to === undefined || this.#stopped) return
    const runs = {
      baseline: this.#runOf('baseline', unit, from, to),
      candidate: this.#runOf('candidate', unit, from, to),
    }
    if (this.#warm)
      this.#measured({
        runs,
        exact: exactTalliesOf(unit, this.#plan.journeys, (pair) => this.#spoiled.has(this.#userOf(pair))),
      })
    else this.#warmed(runs)
  }

  #measured(unit: MeasuredUnit): void {
    this.#stopped = this.#events.measured(unit) === 'stop'
    if (this.#stopped) this.#events.enough()
  }

  #warmed(runs: MeasuredUnit['runs']): void {
    this.#costs.push({ baseline: costOf(runs.baseline), candidate: costOf(runs.candidate) })
    this.#warm = isWarm(this.#costs, this.#unitMs, this.#plan.pace)
    this.#events.warming(this.#costs.length * this.#unitMs)
  }

  #runOf(side: Side, unit: Unit, from: ReadAtOnce, to: ReadAtOnce): DuetRun {
    const plan = this.#plan
    const unitMs = this.#unitMs
    const id = `${plan.run}-${String(unit.index).padStart(4, '0')}-${side}`
    const run = unitRecord(
      side,
      unit,
      plan.journeys,
      plan.facts[side],
      id,
      from.at,
      betweenReadings(from.both[side], to.both[side]),
    )
    return {
      ...run,
      generator: {
        droppedArrivals: Math.max(0, to.dropped - from.dropped),
        busyUsers: busyUsersOf(side, unit, unitMs),
      },
    }
  }

  #userOf({ baseline }: PlayedPair): number {
    return pairOf(baseline[0]) % this.#plan.script.users
  }
}

/** Follows a load unit by unit: first until both sides are warm, then what is measured. */
export function followUnits(
  plan: DuetLoadPlan,
  events: FollowEvents,
  world: FollowWorld,
): Pick<Follower, 'played' | 'settled'> {
  return new Follower(plan, events, world)
}

/** How many virtual users a side kept busy on average. */
function busyUsersOf(side: Side, unit: Unit, unitMs: number): number {
  return unit.pairs.reduce((sum, pair) => sum + pair[side][3] - pair[side][2], 0) / unitMs
}

function costOf(run: DuetRun): number | undefined {
  const { cpuMsPerRequest } = run.server ?? {}
  if (cpuMsPerRequest !== undefined) return cpuMsPerRequest
  const { p50Ms } = latencyOf(
    Object.values(run.endpoints)
      .flatMap(({ histogram }) => histogram)
      .toSorted(([a], [b]) => a - b),
  )
  return p50Ms > 0 ? p50Ms : undefined
}
