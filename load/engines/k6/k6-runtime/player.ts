import exec from 'k6/execution'
import http from 'k6/http'
import type { RefinedParams, ResponseType } from 'k6/http'
import {
  readsResponse,
  checkStep,
  isExpectedStatus,
  redactProblem,
  toStepKey,
  toWireRequest,
  toRequestHeaders,
  toRequestTarget,
} from '../../../../journeys/index.ts'
import type { Context, Journey, Response, Step } from '../../../../journeys/index.ts'
import { Answer, classifyUnanswered, largeBodyProblem } from './answer.ts'
import type { K6Response } from './answer.ts'
import type { RequestFailureClass } from './metrics.ts'
import { lateRequests } from './wire.ts'
import type { ScriptMessage, ScriptPlan, SidePlan } from './wire.ts'

/* Runs inside k6: sends the requests of journeys to one side. */

/**
 * Records one request. `latencyMs` is −1 when it was never answered; without `failure` the answer was as
 * expected.
 */
export type RecordRequest = (
  latencyMs: number,
  failure: RequestFailureClass | undefined,
  /** Without the secrets of its request. Called only for a failure that is reported: it is costly. */
  problem: () => string,
  response: K6Response,
) => void

/** A journey with what each of its steps needs, prepared once for each virtual user. */
export interface PreparedJourney {
  name: string
  steps: PreparedStep[]
}

interface PreparedStep {
  key: string
  step: Step
  record: RecordRequest
  params: RefinedParams<ResponseType>
  /** The last path and its URL, which most steps use again. */
  path: string | undefined
  url: string
  /**
   * The response of a step that reads only the status, reused for each request; undefined for a step that
   * reads more.
   */
  statusOnly: Response | undefined
  /**
   * A cookie set in this step could be sent in the next. k6 forgets cookies after each iteration, not before.
   */
  mayCarryCookies: boolean
}

/**
 * As much of a body as the other engines read. k6 has read all of it by then: see `memory.ts`.
 */
const maxBodyLength = 4 * 1024 * 1024

/** Plays a journey from its first step to its last, or to the first that fails. */
export type PlayJourney = (journey: PreparedJourney, start: Context) => void

/**
 * Prepares the journeys of a plan. `recorderFor` is called once for each step, while the script is loaded: k6
 * lets a script create metrics only then.
 */
export function prepareJourneys(
  plan: ScriptPlan,
  journeys: readonly Journey[],
  recorderFor: (key: string) => RecordRequest,
): PreparedJourney[] {
  return plan.journeys.map((chosen) => {
    const journey = journeys.find(({ name }) => name === chosen)
    if (journey === undefined) throw new Error(`journey ${chosen} is not in the journeys module`)
    const steps = journey.steps.map((step): PreparedStep => {
      const key = toStepKey(journey.name, step.name)
      const reads = readsResponse(step)
      return {
        key,
        step,
        record: recorderFor(key),
        params: { timeout: plan.requestTimeoutMs },
        path: undefined,
        url: '',
        statusOnly: reads ? undefined : { status: 0, headers: {}, json: undefined, text: '' },
        mayCarryCookies: journey.steps.length > 1,
      }
    })
    return { name: journey.name, steps }
  })
}

/** No connection is opened in this time. It saves reading a further field of most responses. */
const keptMs = 0.01

/**
 * Creates the function that plays journeys against one side.
 *
 * It runs for each request and decides how much load one k6 can make. It is written for k6's interpreter,
 * where each call, iterator and look-up of an imported name costs: few functions, plain loops, imports kept
 * in constants.
 */
export function createPlayer(
  plan: ScriptPlan,
  { address }: SidePlan,
  journeys: readonly PreparedJourney[],
  report: (message: ScriptMessage) => void,
  recordConnection: (connectMs: number) => void,
): PlayJourney {
  const [settle, isExpected, noProblem] = [checkStep, isExpectedStatus, () => '']
  const describe = describeProblem
  const request = createSender(address, report)
  // A duet ends by a signal, not by its time, so its journeys have no last moment to send a request.
  const drainMs = plan.kind === 'load' ? lateRequests.drainMs : Number.POSITIVE_INFINITY
  const latestMs = plan.kind === 'load' ? plan.warmupMs + plan.durationMs + drainMs : drainMs

  return (journey, start) => {
    const { steps } = journey
    let ctx = start
    let spentMs = 0
    for (let index = 0; index < steps.length; index += 1) {
      const prepared = steps[index]
      // Reading the clock is expensive; a journey that was quick so far cannot be far past the end.
      if (prepared === undefined || (spentMs > drainMs && exec.instance.currentTestRunDuration > latestMs))
        return
      const response = request(prepared, ctx)
      if (response === undefined) return
      const { status } = response
      const { record, statusOnly } = prepared
      const unusable = findUnusable(response)
      if (unusable !== undefined) {
        record(-1, unusable.class, describe(unusable.problem, prepared, ctx), response)
        return
      }
      // No cookie is carried over: a journey sends only what it declares, in every engine.
      if (prepared.mayCarryCookies && response.headers['Set-Cookie'] !== undefined) forgetCookies(journeys)
      const { timings } = response
      // `blocked` includes connecting and the TLS handshake; over a kept connection it takes microseconds.
      const blockedMs = timings.blocked
      const latencyMs = timings.duration + blockedMs
      if (blockedMs > keptMs && timings.connecting > 0) recordConnection(blockedMs)
      spentMs += latencyMs
      if (statusOnly !== undefined) {
        // What `settle` would find for a step that reads only the status.
        if (isExpected(prepared.step, status)) {
          record(latencyMs, undefined, noProblem, response)
          continue
        }
        statusOnly.status = status
      }
      const outcome = settle(prepared.step, statusOnly ?? new Answer(status, response), ctx)
      if (outcome.problem !== undefined) {
        record(latencyMs, outcome.class, describe(outcome.problem, prepared, ctx), response)
        return
      }
      record(latencyMs, undefined, noProblem, response)
      ctx = outcome.ctx
    }
  }
}

/** Why there is no answer that a step can check: none came, or one that is too large. */
function findUnusable(response: K6Response): { class: RequestFailureClass; problem: string } | undefined {
  const { status, body } = response
  if (status === 0)
    return { class: classifyUnanswered(response.error_code, response.error), problem: response.error }
  return typeof body === 'string' && body.length > maxBodyLength
    ? { class: 'check', problem: `${largeBodyProblem} ${maxBodyLength} bytes` }
    : undefined
}

function describeProblem(problem: string, { params }: PreparedStep, ctx: Context): () => string {
  return () => redactProblem(problem, ctx.secrets, params.headers)
}

/**
 * Creates the function that sends a step's request. A request that cannot be made, because the journey's
 * `request` throws or returns none, ends the run.
 */
function createSender(
  address: SidePlan['address'],
  report: (message: ScriptMessage) => void,
): (prepared: PreparedStep, ctx: Context) => K6Response | undefined {
  const [toWire, send] = [toWireRequest, http.request]
  const origin = `${address.protocol}//${address.host}`
  const hasLogin = address.authorization !== undefined
  return (prepared, ctx) => {
    try {
      const { method, path, headers, body } = toWire(prepared.step, ctx)
      const { params } = prepared
      // k6 would decode the missing body of an encoded answer to HEAD, and fail.
      if (prepared.statusOnly === undefined) params.responseType = method === 'HEAD' ? 'none' : 'text'
      params.headers = hasLogin ? toRequestHeaders(address, headers) : headers
      if (path !== prepared.path || prepared.url === '') {
        prepared.path = path
        prepared.url = origin + toRequestTarget(address, path)
      }
      // k6 takes bytes as a buffer only.
      return send(method, prepared.url, typeof body === 'object' ? body.buffer : body, params)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const problem = `${prepared.key}: request threw: ${redactProblem(reason, ctx.secrets)}`
      report({ type: 'usage-error', problem })
      exec.test.abort(problem)
      return undefined
    }
  }
}

// Journeys of one step keep k6's own jar, which is emptied after each iteration; a jar of ours would not be.
function forgetCookies(journeys: readonly PreparedJourney[]): void {
  for (const { steps } of journeys)
    for (const { params, mayCarryCookies } of steps) if (mayCarryCookies) params.jar = new http.CookieJar()
}
