import { latencyOf, mergeHistograms, toOneLine } from '../../../record/index.ts'
import type { FailureClass } from '../../../record/index.ts'
import type { EndpointMeasurement } from '../../engine.ts'
import { Latencies } from './latency.ts'
import { Timeline } from './timeline.ts'
import type { CountedFailure, Recorded } from './wire.ts'

/** Monotonic milliseconds. */
export type Clock = () => number

/** Which request it was, whose, and since when it was under way. */
export interface TimedRequest {
  user: number
  stepIndex: number
  beganAt: number
}

export interface StepFailure {
  class: FailureClass
  problem: string
}

interface StepCounts {
  key: string
  requests: number
  errors: number
  latencies: Latencies
}

/**
 * What is counted, and of which requests.
 *
 * In a closed model a connection that waits sends nothing. Counting what *ends* in the measured time would leave out just the
 * requests that a stall holds back: a target that hangs in the last seconds would look well. So a request counts when it
 * *begins* in the measured time, and its end is waited for, up to its time limit. What began in warm-up does not count,
 * but for a request that was under way the whole measured time through: it is all that its connection did in it.
 *
 * Throughput then needs the time in which those requests were made: for each connection from the beginning of its first one
 * to the end of its last, or to the end of the measured time if that is later; the mean of these is the duration. In a
 * steady state it is the measured time; where requests outlast the measured time, dividing by that time alone would
 * promise a throughput that connections / latency (Little's law) forbids.
 */
export class Recorder {
  #from = Number.POSITIVE_INFINITY
  #until = Number.POSITIVE_INFINITY
  readonly #clock: Clock
  readonly #steps: StepCounts[]
  readonly #failures = new Map<string, CountedFailure>()
  readonly #own = new Map<string, number>()
  readonly #firstBegan: Float64Array
  readonly #lastEnded: Float64Array
  #timeline: Timeline
  #errorsNow = 0

  constructor(keys: readonly string[], users: number, clock: Clock) {
    this.#clock = clock
    this.#steps = keys.map((key) => ({ key, requests: 0, errors: 0, latencies: new Latencies() }))
    this.#firstBegan = new Float64Array(users).fill(Number.POSITIVE_INFINITY)
    this.#lastEnded = new Float64Array(users)
    this.#timeline = new Timeline(clock())
  }

  /** Warm-up is over. */
  begin(): void {
    this.#from = this.#clock()
    this.#timeline = new Timeline(this.#from)
    this.#errorsNow = 0
  }

  /** The measured time is over; what began in it is still waited for. */
  end(): void {
    this.#until = this.#clock()
  }

  answered(request: TimedRequest, latencyMs: number, failure: StepFailure | undefined): void {
    this.#count(request, latencyMs, failure)?.latencies.add(latencyMs)
  }

  unanswered(request: TimedRequest, failure: StepFailure, own: string | undefined): void {
    const step = this.#count(request, undefined, failure)
    if (step !== undefined && own !== undefined) this.#own.set(own, (this.#own.get(own) ?? 0) + 1)
  }

  /** Figures for whoever watches: of the last whole second, and the errors so far in this phase. */
  now(): { requestsPerSecond: number; p95Ms: number | undefined; errors: number } {
    this.#timeline.advance(this.#clock())
    const last = this.#timeline.last()
    return { requestsPerSecond: last?.requests ?? 0, p95Ms: last?.p95Ms, errors: this.#errorsNow }
  }

  finish(): Recorded {
    const endpoints = Object.fromEntries(this.#steps.map((step) => [step.key, toEndpoint(step)]))
    return {
      durationMs: this.#duration(),
      endpoints,
      failures: [...this.#failures.values()],
      timeline: this.#timeline.finish(),
      own: Object.fromEntries(this.#own),
      latencyP99Ms: latencyOf(mergeHistograms(Object.values(endpoints).map(({ histogram }) => histogram)))
        .p99Ms,
    }
  }

  #count(
    request: TimedRequest,
    latencyMs: number | undefined,
    failure: StepFailure | undefined,
  ): StepCounts | undefined {
    const { user, stepIndex, beganAt } = request
    const now = this.#clock()
    const warmup = this.#from === Number.POSITIVE_INFINITY
    const counts = beganAt >= this.#from ? beganAt < this.#until : now >= this.#until
    if (warmup || counts) this.#tell(now, latencyMs, failure)
    const step = this.#steps[stepIndex]
    if (!counts || step === undefined) return undefined
    step.requests += 1
    if (beganAt < (this.#firstBegan[user] ?? 0)) this.#firstBegan[user] = beganAt
    this.#lastEnded[user] = now
    if (failure !== undefined) {
      step.errors += 1
      this.#note(step.key, failure, now - this.#from)
    }
    return step
  }

  #tell(now: number, latencyMs: number | undefined, failure: StepFailure | undefined): void {
    this.#timeline.add(now, latencyMs, failure !== undefined)
    if (failure !== undefined) this.#errorsNow += 1
  }

  #note(step: string, failure: StepFailure, atMs: number): void {
    const key = `${failure.class} ${step}`
    const known = this.#failures.get(key)
    if (known) known.count += 1
    else
      this.#failures.set(key, {
        step,
        class: failure.class,
        count: 1,
        firstAtMs: Math.round(atMs),
        example: toOneLine(failure.problem),
      })
  }

  #duration(): number {
    const observed = Array.from(this.#firstBegan, (began, user) => {
      const first = began === Number.POSITIVE_INFINITY ? this.#from : Math.max(this.#from, began)
      return Math.max(this.#until, this.#lastEnded[user] ?? 0) - first
    })
    return observed.reduce((sum, ms) => sum + ms, 0) / observed.length
  }
}

function toEndpoint({ requests, errors, latencies }: StepCounts): EndpointMeasurement {
  return { requests, errors, histogram: latencies.histogram(), latencySumMs: latencies.sumMs }
}
