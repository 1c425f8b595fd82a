import type { Failure, FailureClass, Histogram, TimelinePoint } from '../../../../record/index.ts'
import type { EndpointMeasurement, LoadProgress } from '../../../engine.ts'
import { answerClass } from '../../../../journeys/client/index.ts'
import { toOneLine } from '../../../../record/index.ts'
import { clientLimit, unansweredFailure } from '../k6-runtime/answer.ts'
import { latencyBuckets } from './latency-buckets.ts'
import type { LatencyBuckets } from './latency-buckets.ts'
import type { Sample } from './sample.ts'
import { scriptSeconds } from './seconds.ts'
import { stepNames } from './steps.ts'
import type { ClientLimit } from '../k6-runtime/wire.ts'

/** What a user's script did, counted from k6's samples as they come, in memory that does not grow with their number. */
export interface Tally {
  /** Returns whether the sample is of the load itself, not of what goes before or after it. */
  add: (sample: Sample) => boolean
  counted: () => Counted
  /** Figures of the last whole second, and the errors so far. */
  now: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>
}

export interface Counted {
  endpoints: Record<string, EndpointMeasurement>
  failures: Failure[]
  requests: number
  errors: number
  dropped: number
  /** Iterations begun and dropped. */
  arrivals: number
  iterations: Histogram
  /** Most virtual users there were. */
  users: number
  limits: Record<ClientLimit, number>
  /** Wall time of the first sample and time until the last, in milliseconds. */
  firstAtMs: number | undefined
  lastsMs: number
  timeline: TimelinePoint[]
}

interface Step {
  requests: number
  errors: number
  latencies: LatencyBuckets
}

interface WhatFailed {
  class: FailureClass
  example: string
}

/** The running counts of one script. A class, since all of its parts change with each sample. */
class ScriptTally implements Tally {
  readonly #names = stepNames()
  readonly #steps = new Map<string, Step>()
  readonly #failures = new Map<string, Failure>()
  /** The last request of each virtual user: a check is of that one. */
  readonly #last = new Map<string, { step: string; failed: boolean }>()
  readonly #iterations = latencyBuckets()
  readonly #seconds = scriptSeconds()
  readonly #limits: Record<ClientLimit, number> = { files: 0, ports: 0 }
  #requests = 0
  #errors = 0
  #dropped = 0
  #users = 0
  #firstAtMs: number | undefined
  #lastAtMs = 0

  add(sample: Sample): boolean {
    const { metric, value, tags } = sample
    if (metric === 'vus_max') this.#users = Math.max(this.#users, value)
    // What the script prepares and cleans up is not its load; how many users it has k6 tells before it begins.
    if (metric === 'vus_max' || /^::(?:setup|teardown)/.test(tags['group'] ?? '')) return false
    this.#firstAtMs ??= sample.atMs
    this.#lastAtMs = Math.max(this.#lastAtMs, sample.atMs)
    if (metric === 'http_req_duration') this.#request(sample)
    else if (metric === 'iteration_duration') this.#iterations.add(value)
    else if (metric === 'dropped_iterations') this.#drop(sample)
    else if (value === 0) this.#failedCheck(sample)
    return true
  }

  now(): ReturnType<Tally['now']> {
    return { ...this.#seconds.now(), errors: this.#errors }
  }

  counted(): Counted {
    return {
      endpoints: Object.fromEntries(
        [...this.#steps].map(([name, { latencies, ...counts }]) => [
          name,
          { ...counts, histogram: latencies.histogram(), latencySumMs: latencies.sumMs() },
        ]),
      ),
      failures: [...this.#failures.values()],
      requests: this.#requests,
      errors: this.#errors,
      dropped: this.#dropped,
      arrivals: this.#iterations.count() + this.#dropped,
      iterations: this.#iterations.histogram(),
      users: this.#users,
      limits: this.#limits,
      firstAtMs: this.#firstAtMs,
      lastsMs: this.#firstAtMs === undefined ? 0 : this.#lastAtMs - this.#firstAtMs,
      timeline: this.#seconds.timeline(),
    }
  }

  #request(sample: Sample): void {
    const { tags, value } = sample
    const name = this.#names.of(tags)
    const step = this.#steps.get(name) ?? { requests: 0, errors: 0, latencies: latencyBuckets() }
    const second = this.#seconds.at(this.#since(sample))
    this.#steps.set(name, step)
    step.requests += 1
    second.requests += 1
    this.#requests += 1
    if (tags['status'] !== '0') {
      step.latencies.add(value)
      second.latencies?.add(value)
    }
    const failed = whatFailed(tags)
    const limit = clientLimit(tags['error'] ?? '')
    if (limit !== undefined) this.#limits[limit] += 1
    this.#last.set(sample.user, { step: name, failed: failed !== undefined })
    if (failed !== undefined) this.#fail(sample, name, failed)
  }

  #failedCheck(sample: Sample): void {
    const of = this.#last.get(sample.user)
    // A request fails once, however many checks say so; without a request there is nothing that could have failed.
    if (of === undefined || of.failed) return
    of.failed = true
    this.#fail(sample, of.step, {
      class: 'check',
      example: `check failed: ${sample.tags['check'] ?? 'unnamed'}`,
    })
  }

  #fail(sample: Sample, name: string, failed: WhatFailed): void {
    const step = this.#steps.get(name)
    if (step) step.errors += 1
    this.#seconds.at(this.#since(sample)).errors += 1
    this.#note(sample, name, failed, 1)
  }

  #drop(sample: Sample): void {
    const second = this.#seconds.at(this.#since(sample))
    second.requests += sample.value
    second.errors += sample.value
    this.#dropped += sample.value
    this.#note(sample, null, { class: 'dropped', example: 'no virtual user was free' }, sample.value)
  }

  #note(sample: Sample, step: string | null, failed: WhatFailed, count: number): void {
    this.#errors += count
    const key = `${failed.class} ${step}`
    const known = this.#failures.get(key)
    if (known) known.count += count
    else
      this.#failures.set(key, {
        step,
        class: failed.class,
        count,
        firstAtMs: Math.max(0, Math.round(this.#since(sample))),
        example: toOneLine(failed.example),
      })
  }

  #since({ atMs }: Sample): number {
    return atMs - (this.#firstAtMs ?? atMs)
  }
}

export function tally(): Tally {
  return new ScriptTally()
}

/** By what k6 and the script call a failed request (`expected_response`); undefined when it is none. */
function whatFailed(tags: Record<string, string>): WhatFailed | undefined {
  const { error = '', status = '200' } = tags
  if (status === '0')
    return { class: unansweredFailure(Number(tags['error_code'] ?? 0), error), example: error }
  return tags['expected_response'] === 'false'
    ? { class: answerClass(Number(status)), example: `status ${status}` }
    : undefined
}
