import { readsResponse, settleStep, startContext, stepKey, wireRequest } from '../../../journeys/index.ts'
import type { Context, Journey, Response, Step, WireRequest } from '../../../journeys/index.ts'
import type { FailureClass } from '../../../record/index.ts'
import { answerClass } from '../../../journeys/client/failure.ts'
import type { Address } from '../../../journeys/client/address.ts'
import { Answer } from './answer.ts'
import type { Exchanger, OutgoingRequest } from './connection.ts'
import type { Clock, Recorder } from './recorder.ts'
import { requestWriter } from './request-text.ts'
import type { Written } from './request-text.ts'

/** A journey of the mix with what is needed at each of its steps; shared by all users. */
export interface Part {
  name: string
  steps: PartStep[]
}

export interface PartStep {
  step: Step
  /** `journey/step` */
  key: string
  /** The step's place in the recorder. */
  place: number
  keepsBody: boolean
  write: (request: WireRequest) => Written
  /** What a step sees that looks at nothing but the status: used again for each request. */
  bare: Response | undefined
}

/** What all users of a load have in common. */
export interface Troupe {
  run: string
  parts: readonly Part[]
  /** Iteration i plays `parts[cycle[i % cycle.length]]`. */
  cycle: readonly number[]
  /** Counts iterations over all users, as the open model does: the mix holds over the whole load, not for each user. */
  nextIteration: number
  /** `journeys`: begin them. `steps`: only go on with those under way. `nothing`: send no more. */
  stage: 'journeys' | 'steps' | 'nothing'
  recorder: Recorder
  clock: Clock
  /** A step's `request` threw: the journeys are wrong, not the target. */
  misused: (problem: string) => void
}

/** @throws Error when a journey of the mix is not among the journeys */
export function partsOf(names: readonly string[], journeys: readonly Journey[], address: Address): Part[] {
  let place = 0
  return names.map((chosen) => {
    const journey = journeys.find(({ name }) => name === chosen)
    if (journey === undefined) throw new Error(`journey ${chosen} is not in the journeys module`)
    const steps = journey.steps.map((step): PartStep => {
      const keepsBody = readsResponse(step)
      return {
        step,
        key: stepKey(journey.name, step.name),
        place: place++,
        keepsBody,
        write: requestWriter(address),
        bare: keepsBody ? undefined : { status: 0, headers: {}, json: undefined, text: '' },
      }
    })
    return { name: chosen, steps }
  })
}

/** One virtual user: plays journeys one after the other over its connection. A step that fails ends its journey, and the next begins. */
export class Player implements Exchanger {
  readonly #troupe: Troupe
  readonly #user: number
  /** What the user's `before` steps saved, by place in the mix. */
  readonly #saved: readonly Record<string, unknown>[]
  #part: Part | undefined
  #current = 0
  #ctx: Context = { user: 0, iteration: 0, unique: '' }
  #beganAt = 0

  constructor(troupe: Troupe, user: number, saved: readonly Record<string, unknown>[]) {
    this.#troupe = troupe
    this.#user = user
    this.#saved = saved
  }

  wants(): boolean {
    const { stage } = this.#troupe
    return stage === 'journeys' || (stage === 'steps' && this.#part !== undefined)
  }

  begin(): void {
    this.#beganAt = this.#troupe.clock()
    if (this.#part !== undefined) return
    const troupe = this.#troupe
    const iteration = troupe.nextIteration++
    const chosen = troupe.cycle[iteration % troupe.cycle.length] ?? 0
    this.#part = troupe.parts[chosen]
    this.#current = 0
    this.#ctx = startContext(troupe.run, this.#user, iteration, this.#saved[chosen])
  }

  request(): OutgoingRequest | undefined {
    const { step, key, keepsBody, write } = this.#step()
    let wire: WireRequest
    try {
      wire = wireRequest(step, this.#ctx)
    } catch (error) {
      this.#part = undefined
      this.#troupe.misused(`${key}: request threw: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
    const written = write(wire)
    if ('text' in written) return { ...written, keepsBody }
    this.unanswered('check', written.problem)
    return undefined
  }

  answered(status: number, rawHeaders: readonly string[], body: readonly Buffer[], latencyMs: number): void {
    const { step, place, bare } = this.#step()
    if (bare !== undefined) bare.status = status
    const outcome = settleStep(step, bare ?? new Answer(status, rawHeaders, body), this.#ctx)
    const { problem } = outcome
    this.#troupe.recorder.answered(
      { user: this.#user, place, beganAt: this.#beganAt },
      latencyMs,
      problem === undefined ? undefined : { class: answerClass(status), problem },
    )
    if (problem === undefined && this.#part !== undefined && this.#current + 1 < this.#part.steps.length) {
      this.#current += 1
      this.#ctx = outcome.ctx
    } else this.#part = undefined
  }

  unanswered(failure: FailureClass, problem: string, own?: string): void {
    this.#troupe.recorder.unanswered(
      { user: this.#user, place: this.#step().place, beganAt: this.#beganAt },
      { class: failure, problem },
      own,
    )
    this.#part = undefined
  }

  #step(): PartStep {
    const step = this.#part?.steps[this.#current]
    if (step === undefined) throw new Error('no step is under way')
    return step
  }
}
