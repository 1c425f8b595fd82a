import {
  countUsableCores,
  readGroupCpuSeconds,
  readMachineTicks,
  watchThrottling,
} from '../../../runtime/processes/index.ts'
import type { Throttling } from '../../../runtime/processes/index.ts'
import type { LoadEnvironment, LoadProgress } from '../../engine.ts'
import type { RunObserver } from './k6-process.ts'
import type { CollectedMessages } from './messages.ts'
import { createLiveReader, createLiveSeconds } from './timeline.ts'
import type { LiveReader, LiveSeconds, Timeline } from './timeline.ts'

/** What the engine uses of the process it runs in; tests pass their own. */
export interface EngineWorld {
  env: NodeJS.ProcessEnv
  /** A clock that only runs forward, for durations. */
  monotonicMs: () => number
  /** The wall clock, for labels. */
  wallMs: () => number
  /** Path of kubectl, for a load in Kubernetes. */
  kubectl?: string
}

type Clocks = Pick<EngineWorld, 'monotonicMs' | 'wallMs'>

/** Shares, 0..1. */
export interface CpuWork {
  /** CPU time of the process group over the CPU time it could have used. */
  cpuRatio: number
  /** Idle share of the whole machine. */
  machineIdle: number
  /** How a CPU quota stopped it, where one applies. */
  throttling?: Throttling
}

/**
 * Measures the CPU time of process groups from now on: each k6 and any wrapper around it.
 *
 * @returns call it for the work since; undefined where there is no /proc, or when a group has ended
 */
export function watchCpu(groups: readonly number[], nowMs: () => number): () => CpuWork | undefined {
  const [group] = groups
  if (group === undefined) return () => undefined
  const readCpuSeconds = (): number | undefined => {
    const seconds = groups.map(readGroupCpuSeconds)
    return seconds.includes(undefined) ? undefined : seconds.reduce((sum = 0, one = 0) => sum + one, 0)
  }
  const startMs = nowMs()
  const startSeconds = readCpuSeconds()
  const startTicks = readMachineTicks()
  const throttled = watchThrottling(group, nowMs)
  return () => {
    const cpuSeconds = readCpuSeconds()
    const wallSeconds = (nowMs() - startMs) / 1000
    if (startSeconds === undefined || cpuSeconds === undefined || wallSeconds <= 0) return undefined
    const ticks = readMachineTicks()
    const total = ticks.total - startTicks.total
    const throttling = throttled()
    return {
      cpuRatio: toThousandths((cpuSeconds - startSeconds) / (wallSeconds * countUsableCores(group))),
      machineIdle: total > 0 ? toThousandths((ticks.idle - startTicks.idle) / total) : 1,
      ...(throttling && { throttling }),
    }
  }
}

function toThousandths(ratio: number): number {
  return Math.round(ratio * 1000) / 1000
}

/**
 * Follows a run from outside: reports its begin, end and progress once a second, and keeps what it observed.
 */
export interface Watch extends RunObserver {
  /** The load has begun: the warm-up, or the measurement where there is none. */
  start: () => void
  observations: () => Observations
}

export interface Observations {
  /** Wall time at which the measurement began; undefined when it never did. */
  startedAt: string | undefined
  /** Measured time. */
  measuredMs: number
  timeline: Timeline | undefined
  cpu: CpuWork | undefined
}

const secondMs = 1000

/** What is watched: each k6's process group and REST API, and the messages of our script. */
export interface WatchedRun {
  plan: { warmupMs: number; durationMs: number }
  /** Of the REST API of each k6. */
  addresses: readonly string[]
  messages: Pick<CollectedMessages, 'drainSample'>
  /** Of those that could be started. */
  groups: readonly number[]
}

export type ProgressListener = Pick<LoadEnvironment, 'progress' | 'measuring'>

class RunWatch implements Watch {
  readonly #watched: WatchedRun
  readonly #listener: ProgressListener
  readonly #clocks: Clocks
  readonly #reader: LiveReader
  readonly #seconds: LiveSeconds
  #phase: LoadProgress['phase'] = 'prepare'
  #phaseEndsAt: number | undefined
  #measurement: { atMs: number; wall: string; cpu: (() => CpuWork | undefined) | undefined } | undefined
  #measuredMs = 0
  #cpu: CpuWork | undefined
  #ticking: NodeJS.Timeout
  #ending: NodeJS.Timeout | undefined

  constructor(watched: WatchedRun, listener: ProgressListener, clocks: Clocks) {
    this.#watched = watched
    this.#listener = listener
    this.#clocks = clocks
    this.#reader = createLiveReader(...watched.addresses)
    this.#seconds = createLiveSeconds(this.#reader, watched.messages)
    this.#report()
    this.#ticking = setInterval(() => this.#tick(), secondMs)
  }

  start(): void {
    if (this.#phase !== 'prepare') return
    const { warmupMs } = this.#watched.plan
    if (warmupMs > 0) this.#enter('warmup', warmupMs, () => this.#beginMeasurement())
    else this.#beginMeasurement()
  }

  stop(): void {
    this.#finish()
    clearTimeout(this.#ending)
    clearInterval(this.#ticking)
    this.#reader.close()
  }

  hasStarted(): boolean {
    return this.#phase !== 'prepare'
  }

  observations(): Observations {
    return {
      startedAt: this.#measurement?.wall,
      measuredMs: this.#measuredMs,
      timeline: this.#seconds.timeline(),
      cpu: this.#cpu,
    }
  }

  #beginMeasurement(): void {
    const { monotonicMs, wallMs } = this.#clocks
    this.#measurement = {
      atMs: monotonicMs(),
      wall: new Date(wallMs()).toISOString(),
      cpu: watchCpu(this.#watched.groups, monotonicMs),
    }
    this.#listener.measuring('begin')
    void this.#seconds.startTimeline()
    this.#enter('measure', this.#watched.plan.durationMs, () => this.#finish())
  }

  #finish(): void {
    if (this.#phase === 'finish') return
    if (this.#measurement !== undefined) {
      this.#measuredMs = Math.min(
        this.#watched.plan.durationMs,
        this.#clocks.monotonicMs() - this.#measurement.atMs,
      )
      this.#readCpu()
      this.#listener.measuring('end')
      void this.#seconds.addSecond(this.#measuredMs)
    }
    this.#phase = 'finish'
    this.#phaseEndsAt = undefined
    this.#report()
  }

  /** While k6 runs: an ended process has no CPU time, and a busy machine may notice its end too late. */
  #readCpu(): void {
    this.#cpu = this.#measurement?.cpu?.() ?? this.#cpu
  }

  #enter(next: LoadProgress['phase'], lastsMs: number, then: () => void): void {
    this.#phase = next
    this.#phaseEndsAt = this.#clocks.monotonicMs() + lastsMs
    this.#ending = setTimeout(then, lastsMs)
    // Restarted in each phase: the measurement's seconds begin with it.
    clearInterval(this.#ticking)
    this.#ticking = setInterval(() => this.#tick(), secondMs)
    this.#report()
  }

  #tick(): void {
    if (this.#phase === 'measure') this.#readCpu()
    const read =
      this.#phase === 'measure' && this.#measurement
        ? this.#seconds.addSecond(this.#clocks.monotonicMs() - this.#measurement.atMs)
        : this.#seconds.read()
    void read.then(() => (this.#phase === 'finish' ? undefined : this.#report()))
  }

  #report(): void {
    const secondsLeft =
      this.#phaseEndsAt === undefined
        ? 0
        : Math.max(0, (this.#phaseEndsAt - this.#clocks.monotonicMs()) / secondMs)
    this.#listener.progress({ phase: this.#phase, secondsLeft, ...this.#seconds.lastSecond() })
  }
}

export function watchRun(watched: WatchedRun, listener: ProgressListener, clocks: Clocks): Watch {
  return new RunWatch(watched, listener, clocks)
}
