import { addFailureDetails } from '../../../engine.ts'
import { mergeHistograms, toOneLine } from '../../../../record/index.ts'
import type { Failure, FailureClass, Histogram, TimelinePoint } from '../../../../record/index.ts'
import { classifyAnswer } from '../../../../journeys/index.ts'
import type { EndpointMeasurement, LoadProgress, Measurement } from '../../../engine.ts'
import { Latencies } from '../../../latencies.ts'
import { findSaturation, slowAnswerMs } from '../generator.ts'
import { classifyUnanswered, findClientLimit } from '../k6-runtime/answer.ts'
import type { ClientLimit } from '../k6-runtime/metrics.ts'
import type { CpuWork } from '../watch.ts'
import { createScriptSeconds, createStepNamer } from './samples.ts'
import type { Sample } from './samples.ts'

/**
 * Counts what a user's script did from k6's samples as they come, in memory that does not grow with their
 * number.
 */
export interface ScriptTally {
  /** Returns whether the sample is of the load itself, not of setup or teardown. */
  add: (sample: Sample) => boolean
  counts: () => ScriptCounts
  /** Figures of the last complete second, and the errors so far. */
  lastSecond: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>
}

export interface ScriptCounts {
  endpoints: Record<string, EndpointMeasurement>
  failures: Failure[]
  requests: number
  errors: number
  connections: { histogram: Histogram; timeSumMs: number }
  dropped: number
  /** Iterations begun and dropped. */
  arrivals: number
  iterations: Histogram
  /** Most virtual users at the same time. */
  users: number
  limits: Record<ClientLimit, number>
  /** Wall time of the first sample and time until the last, in milliseconds. */
  firstAtMs: number | undefined
  durationMs: number
  timeline: TimelinePoint[]
}

interface Step {
  requests: number
  errors: number
  latencies: Latencies
}

interface SampleFailure {
  class: FailureClass
  example: string
  status?: number
}

/** A class, since all of its parts change with each sample. */
class SampleTally implements ScriptTally {
  readonly #nameStep = createStepNamer()
  readonly #steps = new Map<string, Step>()
  readonly #failures = new Map<string, Failure>()
  /** The last request of each virtual user: a check applies to that one. */
  readonly #lastRequests = new Map<string, { step: string; failed: boolean }>()
  readonly #iterations = new Latencies()
  readonly #connections = new Latencies()
  /** The last request, until its next samples have come. */
  #pending: { sample: Sample; blockedMs: number; connectingMs: number } | undefined
  readonly #seconds = createScriptSeconds()
  readonly #limits: Record<ClientLimit, number> = { files: 0, ports: 0 }
  #requests = 0
  #errors = 0
  #dropped = 0
  #users = 0
  #firstAtMs: number | undefined
  #lastAtMs = 0

  add(sample: Sample): boolean {
    const { metric, value, tags } = sample
    if (metric === 'http_req_blocked' || metric === 'http_req_connecting') return this.#addToRequest(sample)
    this.#endRequest()
    if (metric === 'vus_max') this.#users = Math.max(this.#users, value)
    // Setup and teardown are not part of the load; k6 reports the number of users before the load begins.
    if (metric === 'vus_max' || /^::(?:setup|teardown)/.test(tags['group'] ?? '')) return false
    this.#firstAtMs ??= sample.atMs
    this.#lastAtMs = Math.max(this.#lastAtMs, sample.atMs)
    if (metric === 'http_req_duration') this.#pending = { sample, blockedMs: 0, connectingMs: 0 }
    else if (metric === 'iteration_duration') this.#iterations.add(value)
    else if (metric === 'dropped_iterations') this.#drop(sample)
    else if (value === 0) this.#failedCheck(sample)
    return true
  }

  lastSecond(): ReturnType<ScriptTally['lastSecond']> {
    return { ...this.#seconds.lastSecond(), errors: this.#errors }
  }

  counts(): ScriptCounts {
    this.#endRequest()
    return {
      endpoints: Object.fromEntries(
        [...this.#steps].map(([name, { latencies, ...counts }]) => [
          name,
          { ...counts, histogram: latencies.histogram(), latencySumMs: latencies.sumMs },
        ]),
      ),
      failures: [...this.#failures.values()],
      requests: this.#requests,
      errors: this.#errors,
      connections: { histogram: this.#connections.histogram(), timeSumMs: this.#connections.sumMs },
      dropped: this.#dropped,
      arrivals: this.#iterations.count + this.#dropped,
      iterations: this.#iterations.histogram(),
      users: this.#users,
      limits: this.#limits,
      firstAtMs: this.#firstAtMs,
      durationMs: this.#firstAtMs === undefined ? 0 : this.#lastAtMs - this.#firstAtMs,
      timeline: this.#seconds.timeline(),
    }
  }

  /** Adds a part of the time of the request whose duration came last. */
  #addToRequest({ metric, value }: Sample): boolean {
    if (this.#pending === undefined) return false
    this.#pending[metric === 'http_req_blocked' ? 'blockedMs' : 'connectingMs'] = value
    return true
  }

  /** Counts the request whose samples have all come: `blocked` includes connecting and the TLS handshake. */
  #endRequest(): void {
    if (this.#pending === undefined) return
    const { sample, blockedMs, connectingMs } = this.#pending
    this.#pending = undefined
    this.#request({ ...sample, value: sample.value + blockedMs })
    if (connectingMs > 0 && sample.tags['status'] !== '0') this.#connections.add(blockedMs)
  }

  #request(sample: Sample): void {
    const { tags, value } = sample
    const name = this.#nameStep(tags)
    const step = this.#steps.get(name) ?? { requests: 0, errors: 0, latencies: new Latencies() }
    const second = this.#seconds.at(this.#sinceFirstMs(sample))
    this.#steps.set(name, step)
    step.requests += 1
    second.requests += 1
    this.#requests += 1
    if (tags['status'] !== '0') {
      step.latencies.add(value)
      second.addLatency(value)
    }
    const failed = findFailure(tags)
    const limit = findClientLimit(tags['error'] ?? '')
    if (limit !== undefined) this.#limits[limit] += 1
    this.#lastRequests.set(sample.user, { step: name, failed: failed !== undefined })
    if (failed !== undefined) this.#fail(sample, name, failed)
  }

  #failedCheck(sample: Sample): void {
    const request = this.#lastRequests.get(sample.user)
    // A request fails once, even if several of its checks fail; without a request nothing can have failed.
    if (request === undefined || request.failed) return
    request.failed = true
    this.#fail(sample, request.step, {
      class: 'check',
      example: `check failed: ${sample.tags['check'] ?? 'unnamed'}`,
    })
  }

  #fail(sample: Sample, name: string, failed: SampleFailure): void {
    const step = this.#steps.get(name)
    if (step) step.errors += 1
    this.#seconds.at(this.#sinceFirstMs(sample)).errors += 1
    this.#addFailure(sample, name, failed, 1)
  }

  #drop(sample: Sample): void {
    const second = this.#seconds.at(this.#sinceFirstMs(sample))
    second.requests += sample.value
    second.errors += sample.value
    this.#dropped += sample.value
    this.#addFailure(sample, null, { class: 'dropped', example: 'no virtual user was free' }, sample.value)
  }

  #addFailure(sample: Sample, step: string | null, failed: SampleFailure, count: number): void {
    this.#errors += count
    const key = `${failed.class} ${step}`
    const known = this.#failures.get(key)
    const failure: Failure = known ?? {
      step,
      class: failed.class,
      count: 0,
      firstAtMs: Math.max(0, Math.round(this.#sinceFirstMs(sample))),
      example: toOneLine(failed.example),
    }
    failure.count += count
    addFailureDetails(failure, failed.status, undefined)
    this.#failures.set(key, failure)
  }

  #sinceFirstMs({ atMs }: Sample): number {
    return atMs - (this.#firstAtMs ?? atMs)
  }
}

export function createTally(): ScriptTally {
  return new SampleTally()
}

/**
 * The failure that k6 or the script reports of a request (`expected_response`); undefined when it succeeded.
 */
function findFailure(tags: Record<string, string>): SampleFailure | undefined {
  const { error = '', status = '200' } = tags
  if (status === '0')
    return { class: classifyUnanswered(Number(tags['error_code'] ?? 0), error), example: error }
  return tags['expected_response'] === 'false'
    ? { class: classifyAnswer(Number(status)), example: `status ${status}`, status: Number(status) }
    : undefined
}

/** What was observed of a script's run from outside of k6. */
export interface ScriptObservations {
  interrupted: boolean
  /** Wall time to use when the script made no sample. */
  startedAt: string
  cpu: CpuWork | undefined
  /** From the first sample to the last, by when they arrived. */
  measuredMs: number
}

/** Samples arrive at most one flush late; a larger difference means that the wall clock was set. */
const clockToleranceMs = 2000

/**
 * The measurement of a user's script.
 *
 * @param crossedThresholds of the script, in words; empty when none was crossed
 * @param markedFailed why the script marked its run as failed; empty when it did not
 */
export function toScriptMeasurement(
  counts: ScriptCounts,
  observed: ScriptObservations,
  crossedThresholds: readonly string[],
  markedFailed: readonly string[] = [],
): Measurement {
  // k6 stamps its samples with the wall clock: more exact than their arrival, unless the clock was set.
  const isClockSet = Math.abs(counts.durationMs - observed.measuredMs) > clockToleranceMs
  const durationMs = isClockSet ? observed.measuredMs : counts.durationMs
  const { firstAtMs, arrivals, users } = counts
  return {
    startedAt: firstAtMs === undefined ? observed.startedAt : new Date(firstAtMs).toISOString(),
    durationMs,
    endpoints: counts.endpoints,
    connections: counts.connections,
    droppedArrivals: counts.dropped,
    failures: counts.failures,
    timeline: counts.timeline,
    generator: {
      ...observed.cpu,
      ...(durationMs > 0 && { offeredRps: arrivals / (durationMs / 1000) }),
      virtualUsersMax: users,
    },
    saturation: observed.interrupted ? [] : findScriptSaturation(counts, observed.cpu, durationMs),
    interrupted: observed.interrupted,
    ...(markedFailed.length > 0 && { markedFailed: [...markedFailed] }),
    ...(crossedThresholds.length > 0 && { crossedThresholds: [...crossedThresholds] }),
  }
}

/** As for journeys, but without the number of expected arrivals, which only the script knows. */
function findScriptSaturation(counts: ScriptCounts, cpu: CpuWork | undefined, durationMs: number): string[] {
  const { arrivals, dropped, iterations, users, limits } = counts
  const requestsPerIteration = arrivals === dropped ? 1 : counts.requests / (arrivals - dropped)
  return findSaturation({
    cpu,
    lateness: [],
    refusedShare: 0,
    waits: mergeHistograms(Object.values(counts.endpoints).map(({ histogram }) => histogram)),
    iterations,
    slowIterationMs: Math.max(1, requestsPerIteration) * slowAnswerMs,
    expectedArrivals: undefined,
    arrivals,
    dropped,
    users,
    durationMs,
    limits,
  })
}
