import type { LoadProgress, LoadEnvironment } from '../../engine.ts'
import { watchCpu } from './cpu.ts'
import type { CpuWork } from './cpu.ts'
import { liveReader } from './live.ts'
import type { LiveReader } from './live.ts'
import type { Messages } from './messages.ts'
import { liveSeconds } from './timeline.ts'
import type { LiveSeconds, Timeline } from './timeline.ts'

/** Follows a run from outside: tells its edges and its progress, once a second, and keeps what was seen. */
export interface Watch {
  /** The load has begun: the warm-up, or the measurement where there is none. */
  started: () => void
  /** No more is measured from now on: the run was interrupted, or k6 has ended. */
  stop: () => void
  hasStarted: () => boolean
  seen: () => Seen
}

export interface Seen {
  /** Wall time at which the measurement began; undefined when it never did. */
  startedAt: string | undefined
  /** How long was measured. */
  measuredMs: number
  timeline: Timeline | undefined
  cpu: CpuWork | undefined
}

/** Clocks: one that only runs forward, in milliseconds, and the wall's, which only labels. */
export interface Clocks {
  monotonicMs: () => number
  wallMs: () => number
}

const secondMs = 1000

/** What is watched: k6's process group, its REST API, and what our script says. */
export interface Watched {
  plan: { warmupMs: number; durationMs: number }
  /** Of k6's REST API. */
  address: string
  messages: Pick<Messages, 'takeSample'>
  group: () => number | undefined
}

type Surroundings = Pick<LoadEnvironment, 'progress' | 'measuring'>

class RunWatch implements Watch {
  readonly #watched: Watched
  readonly #surroundings: Surroundings
  readonly #clocks: Clocks
  readonly #reader: LiveReader
  readonly #seconds: LiveSeconds
  #phase: LoadProgress['phase'] = 'prepare'
  #phaseEndsAt: number | undefined
  #began: { atMs: number; wall: string; cpu: (() => CpuWork | undefined) | undefined } | undefined
  #measuredMs = 0
  #cpu: CpuWork | undefined
  #ticking: NodeJS.Timeout
  #ending: NodeJS.Timeout | undefined

  constructor(watched: Watched, surroundings: Surroundings, clocks: Clocks) {
    this.#watched = watched
    this.#surroundings = surroundings
    this.#clocks = clocks
    this.#reader = liveReader(watched.address)
    this.#seconds = liveSeconds(this.#reader, watched.messages)
    this.#ticking = setInterval(() => this.#tick(), secondMs)
    this.#tell()
  }

  started(): void {
    if (this.#phase !== 'prepare') return
    const { warmupMs } = this.#watched.plan
    if (warmupMs > 0) this.#enter('warmup', warmupMs, () => this.#begin())
    else this.#begin()
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

  seen(): Seen {
    return {
      startedAt: this.#began?.wall,
      measuredMs: this.#measuredMs,
      timeline: this.#seconds.timeline(),
      cpu: this.#cpu,
    }
  }

  #begin(): void {
    const { monotonicMs, wallMs } = this.#clocks
    const group = this.#watched.group()
    this.#began = {
      atMs: monotonicMs(),
      wall: new Date(wallMs()).toISOString(),
      cpu: group === undefined ? undefined : watchCpu(group, monotonicMs),
    }
    this.#surroundings.measuring('begin')
    void this.#seconds.begin()
    this.#enter('measure', this.#watched.plan.durationMs, () => this.#finish())
  }

  #finish(): void {
    if (this.#phase === 'finish') return
    if (this.#began !== undefined) {
      this.#measuredMs = Math.min(
        this.#watched.plan.durationMs,
        this.#clocks.monotonicMs() - this.#began.atMs,
      )
      // Now, while k6 still runs: an ended process has no CPU time to be asked for.
      this.#cpu = this.#began.cpu?.()
      this.#surroundings.measuring('end')
      void this.#seconds.end(this.#measuredMs)
    }
    this.#phase = 'finish'
    this.#phaseEndsAt = undefined
    this.#tell()
  }

  #enter(next: LoadProgress['phase'], lastsMs: number, then: () => void): void {
    this.#phase = next
    this.#phaseEndsAt = this.#clocks.monotonicMs() + lastsMs
    this.#ending = setTimeout(then, lastsMs)
    // Anew in each phase: the measurement's seconds begin with it.
    clearInterval(this.#ticking)
    this.#ticking = setInterval(() => this.#tick(), secondMs)
    this.#tell()
  }

  #tick(): void {
    const read =
      this.#phase === 'measure' && this.#began
        ? this.#seconds.end(this.#clocks.monotonicMs() - this.#began.atMs)
        : this.#seconds.look()
    void read.then(() => (this.#phase === 'finish' ? undefined : this.#tell()))
  }

  #tell(): void {
    const secondsLeft =
      this.#phaseEndsAt === undefined
        ? 0
        : Math.max(0, (this.#phaseEndsAt - this.#clocks.monotonicMs()) / secondMs)
    this.#surroundings.progress({ phase: this.#phase, secondsLeft, ...this.#seconds.now() })
  }
}

export function watchRun(watched: Watched, surroundings: Surroundings, clocks: Clocks): Watch {
  return new RunWatch(watched, surroundings, clocks)
}
