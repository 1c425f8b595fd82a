import { latencyOf, mergeHistograms, toOneLine } from '../../../record/index.ts'
import type { FailureClass, TimelinePoint } from '../../../record/index.ts'
import type { EndpointMeasurement } from '../../engine.ts'
import { addFailureDetails } from '../../engine.ts'
import { Latencies } from '../../latencies.ts'
import type { Recording } from './messages.ts'

/** Monotonic milliseconds. */
export type Clock = () => number

/** A request under way: whose it is, of which step, and when it began. */
export interface TimedRequest {
  user: number
  stepIndex: number
  beganAt: number
}

export interface StepFailure {
  class: FailureClass
  /** A function is called only for the failures that are kept as examples. */
  problem: string | (() => string)
  /** Of an answer. */
  status?: number
  /** Called only until enough are known. */
  requestId?: () => string | undefined
}

interface StepCounts {
  key: string
  requests: number
  errors: number
  latencies: Latencies
}

/**
 * Counts the requests of the measured time.
 *
 * In a closed model a connection that waits sends nothing. Counting requests that *end* in the measured time
 * would omit exactly those that a stall holds back: a target that hangs in the last seconds would look
 * healthy. So a request counts when it *begins* in the measured time, and its end is awaited, up to its time
 * limit. Requests that began in the warm-up do not count. The exception is a request under way for the whole
 * measured time: it is all that its connection did.
 *
 * Throughput needs the time in which those requests were made. For each connection that is from the beginning
 * of its first request to the end of its last, or to the end of the measured time if that is later. The mean
 * of these is the duration. In a steady state it equals the measured time. Where requests outlast the
 * measured time, dividing by that time alone would report a throughput that connections / latency (Little's
 * law) forbids.
 */
export class Recorder {
  #from = Number.POSITIVE_INFINITY
  #until = Number.POSITIVE_INFINITY
  readonly #clock: Clock
  readonly #steps: StepCounts[]
  readonly #failures = new Map<string, Recording['failures'][number]>()
  readonly #own = new Map<string, number>()
  readonly #connections = new Latencies()
  readonly #firstBegan: Float64Array
  readonly #lastEnded: Float64Array
  #timeline: Timeline
  #errorsNow = 0
  #offered = 0

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

  /** The measured time is over; requests that began in it are still awaited. */
  end(): void {
    this.#until = this.#clock()
  }

  /** A request begins. */
  began(at: number): void {
    if (at >= this.#from && at < this.#until) this.#offered += 1
  }

  /** @param connectMs the part of the latency for which a connection was opened, if one was */
  answered(
    request: TimedRequest,
    latencyMs: number,
    failure: StepFailure | undefined,
    connectMs?: number,
  ): void {
    const step = this.#count(request, latencyMs, failure)
    if (step === undefined) return
    step.latencies.add(latencyMs)
    if (connectMs !== undefined) this.#connections.add(connectMs)
  }

  unanswered(request: TimedRequest, failure: StepFailure, own: string | undefined): void {
    const step = this.#count(request, undefined, failure)
    if (step !== undefined && own !== undefined) this.#own.set(own, (this.#own.get(own) ?? 0) + 1)
  }

  /** Progress: figures of the last full second, and the errors so far in this phase. */
  now(): { requestsPerSecond: number; p95Ms: number | undefined; errors: number } {
    this.#timeline.advance(this.#clock())
    const last = this.#timeline.last()
    return { requestsPerSecond: last?.requests ?? 0, p95Ms: last?.p95Ms, errors: this.#errorsNow }
  }

  finish(): Recording {
    const endpoints = Object.fromEntries(this.#steps.map((step) => [step.key, toEndpoint(step)]))
    return {
      durationMs: this.#duration(),
      offered: this.#offered,
      endpoints,
      connections: { histogram: this.#connections.histogram(), timeSumMs: this.#connections.sumMs },
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
    if (warmup || counts) this.#updateProgress(now, latencyMs, failure)
    const step = this.#steps[stepIndex]
    if (!counts || step === undefined) return undefined
    step.requests += 1
    // Under way for the whole measured time.
    if (beganAt < this.#from) this.#offered += 1
    if (beganAt < (this.#firstBegan[user] ?? 0)) this.#firstBegan[user] = beganAt
    this.#lastEnded[user] = now
    if (failure !== undefined) {
      step.errors += 1
      this.#addFailure(step.key, failure, now - this.#from)
    }
    return step
  }

  #updateProgress(now: number, latencyMs: number | undefined, failure: StepFailure | undefined): void {
    this.#timeline.add(now, latencyMs, failure !== undefined)
    if (failure !== undefined) this.#errorsNow += 1
  }

  #addFailure(step: string, failure: StepFailure, atMs: number): void {
    const key = `${failure.class} ${step}`
    const known = this.#failures.get(key)
    if (known) {
      known.count += 1
      addFailureDetails(known, failure.status, failure.requestId)
      return
    }
    const first: Recording['failures'][number] = {
      step,
      class: failure.class,
      count: 1,
      firstAtMs: Math.round(atMs),
      example: toOneLine(typeof failure.problem === 'string' ? failure.problem : failure.problem()),
    }
    addFailureDetails(first, failure.status, failure.requestId)
    this.#failures.set(key, first)
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

/** Requests by second, each in the second in which it ended. */
class Timeline {
  #points: TimelinePoint[] = []
  readonly #latencies = new Latencies()
  #requests = 0
  #errors = 0
  #origin: number
  #second = 0

  /** @param origin when second 0 begins, on the clock of all times given here */
  constructor(origin: number) {
    this.#origin = origin
  }

  /** @param latencyMs undefined when there was no answer */
  add(endedAt: number, latencyMs: number | undefined, failed: boolean): void {
    this.advance(endedAt)
    this.#requests += 1
    if (failed) this.#errors += 1
    if (latencyMs !== undefined) this.#latencies.add(latencyMs)
  }

  /** Closes the seconds that have passed; one in which no request ended is a point too. */
  advance(now: number): void {
    const second = Math.floor((now - this.#origin) / 1000)
    while (this.#second < second) this.#closeSecond()
  }

  /** The last second that has passed. */
  last(): TimelinePoint | undefined {
    return this.#points.at(-1)
  }

  /** All points; the current second too, if a request ended in it. */
  finish(): TimelinePoint[] {
    if (this.#requests > 0) this.#closeSecond()
    return this.#points
  }

  #closeSecond(): void {
    this.#points.push({
      atMs: this.#second * 1000,
      requests: this.#requests,
      errors: this.#errors,
      ...this.#latencies.percentiles(),
    })
    this.#second += 1
    this.#requests = 0
    this.#errors = 0
    this.#latencies.reset()
  }
}
