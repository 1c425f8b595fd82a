import {
  findRequestId,
  readsResponse,
  checkStep,
  redactProblem,
  startContext,
  toStepKey,
  toWireRequest,
} from '../../../journeys/index.ts'
import type {
  Context,
  Journey,
  Response,
  Secrets,
  Step,
  WireRequest,
  Address,
} from '../../../journeys/index.ts'
import { toHeaders, userAgentFor } from '../../../journeys/client/index.ts'
import type { FailureClass } from '../../../record/index.ts'
import { LazyResponse } from './answer.ts'
import type { RequestSource, OutgoingRequest } from './connection.ts'
import type { Clock, Recorder, StepFailure } from './recorder.ts'
import { createRequestWriter } from './request-text.ts'
import type { WrittenRequest } from './request-text.ts'

/** A journey of the mix with what is needed at each of its steps; shared by all users. */
export interface PlannedJourney {
  name: string
  steps: PlannedStep[]
}

export interface PlannedStep {
  step: Step
  /** `journey/step` */
  key: string
  /** The step's place in the recorder. */
  index: number
  keepsBody: boolean
  writeRequest: (request: WireRequest) => WrittenRequest
  /** What a step sees that looks at nothing but the status: used again for each request. */
  statusOnly: Response | undefined
}

/** What all users of a load have in common. */
export interface LoadContext {
  run: string
  secrets: Secrets
  journeys: readonly PlannedJourney[]
  /** Iteration i plays `parts[cycle[i % cycle.length]]`. */
  cycle: readonly number[]
  /**
   * Counts iterations over all users, as the open model does: the mix holds over the whole load, not for each
   * user.
   */
  nextIteration: number
  /** `journeys`: begin them. `steps`: only go on with those under way. `nothing`: send no more. */
  sending: 'journeys' | 'steps' | 'nothing'
  recorder: Recorder
  clock: Clock
  /** A step's `request` threw: the journeys are wrong, not the target. */
  rejectPlan: (problem: string) => void
}

/** @throws Error when a journey of the mix is not among the journeys */
export function planJourneys(
  names: readonly string[],
  journeys: readonly Journey[],
  address: Address,
): PlannedJourney[] {
  const userAgent = userAgentFor('autocannon')
  let index = 0
  return names.map((chosen) => {
    const journey = journeys.find(({ name }) => name === chosen)
    if (journey === undefined) throw new Error(`journey ${chosen} is not in the journeys module`)
    const steps = journey.steps.map((step): PlannedStep => {
      const keepsBody = readsResponse(step)
      return {
        step,
        key: toStepKey(journey.name, step.name),
        index: index++,
        keepsBody,
        writeRequest: createRequestWriter(address, userAgent),
        statusOnly: keepsBody ? undefined : { status: 0, headers: {}, json: undefined, text: '' },
      }
    })
    return { name: chosen, steps }
  })
}

/**
 * One virtual user: plays journeys one after the other over its connection. A step that fails ends its
 * journey, and the next begins.
 */
export class VirtualUser implements RequestSource {
  readonly #load: LoadContext
  readonly #user: number
  /** What the user's `before` steps saved, by place in the mix. */
  readonly #saved: readonly Record<string, unknown>[]
  #journey: PlannedJourney | undefined
  #current = 0
  #ctx: Context = { user: 0, iteration: 0, unique: '', secrets: {} }
  #beganAt = 0
  #wire: WireRequest | undefined

  constructor(load: LoadContext, user: number, saved: readonly Record<string, unknown>[]) {
    this.#load = load
    this.#user = user
    this.#saved = saved
  }

  wantsRequest(): boolean {
    const { sending } = this.#load
    return sending === 'journeys' || (sending === 'steps' && this.#journey !== undefined)
  }

  beginRequest(): void {
    this.#beganAt = this.#load.clock()
    if (this.#journey !== undefined) return
    const load = this.#load
    const iteration = load.nextIteration++
    const chosen = load.cycle[iteration % load.cycle.length] ?? 0
    this.#journey = load.journeys[chosen]
    this.#current = 0
    this.#ctx = startContext(load.run, this.#user, iteration, this.#saved[chosen], load.secrets)
  }

  nextRequest(): OutgoingRequest | undefined {
    const { step, key, keepsBody, writeRequest } = this.#step()
    try {
      this.#wire = toWireRequest(step, this.#ctx)
    } catch (error) {
      this.#journey = undefined
      const reason = error instanceof Error ? error.message : String(error)
      this.#load.rejectPlan(`${key}: request threw: ${redactProblem(reason, this.#load.secrets)}`)
      return undefined
    }
    const written = writeRequest(this.#wire)
    if ('text' in written) return { ...written, keepsBody }
    this.onFailure('check', written.problem)
    return undefined
  }

  onAnswer(
    status: number,
    rawHeaders: readonly string[],
    body: readonly Buffer[],
    latencyMs: number,
    connectMs: number | undefined,
  ): void {
    const { step, index, statusOnly } = this.#step()
    if (statusOnly !== undefined) statusOnly.status = status
    const outcome = checkStep(step, statusOnly ?? new LazyResponse(status, rawHeaders, body), this.#ctx)
    this.#load.recorder.answered(
      { user: this.#user, stepIndex: index, beganAt: this.#beganAt },
      latencyMs,
      outcome.problem === undefined
        ? undefined
        : {
            ...this.#toFailure(outcome.class, outcome.problem),
            status,
            requestId: () => findRequestId(toHeaders(rawHeaders)),
          },
      connectMs,
    )
    if (
      outcome.problem === undefined &&
      this.#journey !== undefined &&
      this.#current + 1 < this.#journey.steps.length
    ) {
      this.#current += 1
      this.#ctx = outcome.ctx
    } else this.#journey = undefined
  }

  onFailure(failure: FailureClass, problem: string, own?: string): void {
    this.#load.recorder.unanswered(
      { user: this.#user, stepIndex: this.#step().index, beganAt: this.#beganAt },
      this.#toFailure(failure, problem),
      own,
    )
    this.#journey = undefined
  }

  #toFailure(failure: FailureClass, problem: string): StepFailure {
    const headers = this.#wire?.headers
    return { class: failure, problem: () => redactProblem(problem, this.#load.secrets, headers) }
  }

  #step(): PlannedStep {
    const step = this.#journey?.steps[this.#current]
    if (step === undefined) throw new Error('no step is under way')
    return step
  }
}
