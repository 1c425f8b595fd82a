import {
  findRequestId,
  readsResponse,
  checkStep,
  redactProblem,
  startContext,
  toStepKey,
  toWireRequest,
  toRequestHeaders,
  toRequestTarget,
  findWireProblem,
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
import { toHeaders, userAgentFor, isResendable } from '../../../journeys/client/index.ts'
import type { FailureClass } from '../../../record/index.ts'
import { LazyResponse } from './answer.ts'
import type { RequestSource, OutgoingRequest } from './connection.ts'
import type { Clock, Recorder, StepFailure } from './recorder.ts'

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
  /** Iterations of this process are numbered from `first` in steps of `stride`: no other has the same. */
  numbering: { first: number; stride: number }
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
  /** Its place in this process. */
  readonly #place: number
  /** What the user's `before` steps saved, by place in the mix. */
  readonly #saved: readonly Record<string, unknown>[]
  #journey: PlannedJourney | undefined
  #current = 0
  #ctx: Context = { user: 0, iteration: 0, unique: '', secrets: {} }
  #beganAt = 0
  #wire: WireRequest | undefined

  constructor(
    load: LoadContext,
    { user, place }: { user: number; place: number },
    saved: readonly Record<string, unknown>[],
  ) {
    this.#load = load
    this.#user = user
    this.#place = place
    this.#saved = saved
  }

  wantsRequest(): boolean {
    const { sending } = this.#load
    return sending === 'journeys' || (sending === 'steps' && this.#journey !== undefined)
  }

  beginRequest(): void {
    this.#beganAt = this.#load.clock()
    this.#load.recorder.began(this.#beganAt)
    if (this.#journey !== undefined) return
    const load = this.#load
    const iteration = load.nextIteration++
    const chosen = load.cycle[iteration % load.cycle.length] ?? 0
    this.#journey = load.journeys[chosen]
    this.#current = 0
    const { first, stride } = load.numbering
    const number = first + iteration * stride
    this.#ctx = startContext(load.run, this.#user, number, this.#saved[chosen], load.secrets)
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
      { user: this.#place, stepIndex: index, beganAt: this.#beganAt },
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
      { user: this.#place, stepIndex: this.#step().index, beganAt: this.#beganAt },
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

/** A request ready to be written, or why it cannot be sent. As text it is ASCII. */
export type WrittenRequest =
  | { text: string | Buffer; isHead: boolean; isResendable: boolean }
  | { problem: string }

// What frames a message is ours to write: a journey's own would contradict what is sent.
const framing = new Set(['content-length', 'transfer-encoding', 'trailer', 'host'])
// Methods that announce a body even when it is empty, as every HTTP client does.
const announcing = new Set(['POST', 'PUT', 'PATCH'])

/** Writes the requests of one step. Many steps send the same each time: that one is kept. */
export function createRequestWriter(
  address: Address,
  userAgent?: string,
): (request: WireRequest) => WrittenRequest {
  let last: WireRequest | undefined
  let kept: WrittenRequest = { problem: '' }
  return (request) => {
    if (last !== undefined && isSame(last, request)) return kept
    last = request
    kept = writeChecked(address, request, userAgent)
    return kept
  }
}

function writeChecked(address: Address, request: WireRequest, userAgent?: string): WrittenRequest {
  const problem = findWireProblem(request)
  return problem === undefined
    ? {
        text: formatRequest(address, request, userAgent),
        isHead: request.method === 'HEAD',
        isResendable: isResendable(request),
      }
    : { problem }
}

/**
 * A request as HTTP/1.1 text; as bytes where it is not ASCII: its headers go out as Latin-1, its body as
 * UTF-8.
 *
 * @param userAgent used unless the journey has its own
 */
export function formatRequest(address: Address, request: WireRequest, userAgent?: string): string | Buffer {
  const { method, body = '' } = request
  const headers = toRequestHeaders(address, request.headers)
  let head =
    `${method} ${toRequestTarget(address, request.path)} HTTP/1.1\r\nhost: ` +
    `${headers['host'] ?? address.host}\r\n`
  if (userAgent !== undefined && headers['user-agent'] === undefined) head += `user-agent: ${userAgent}\r\n`
  if (headers['connection'] === undefined) head += 'connection: keep-alive\r\n'
  for (const [name, value] of Object.entries(headers)) if (!framing.has(name)) head += `${name}: ${value}\r\n`
  const bytes = Buffer.byteLength(body)
  if (bytes > 0 || announcing.has(method)) head += `content-length: ${bytes}\r\n`
  head += '\r\n'
  // In UTF-8 only ASCII takes one byte a character.
  if (typeof body === 'string' && bytes === body.length && Buffer.byteLength(head) === head.length)
    return head + body
  const encoded = typeof body === 'string' ? Buffer.from(body) : body
  return Buffer.concat([Buffer.from(head, 'latin1'), encoded])
}

function isSame(a: WireRequest, b: WireRequest): boolean {
  if (a.path !== b.path || a.method !== b.method || a.body !== b.body) return false
  const names = Object.keys(a.headers)
  return (
    names.length === Object.keys(b.headers).length &&
    names.every((name) => a.headers[name] === b.headers[name])
  )
}
