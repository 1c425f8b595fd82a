import exec from 'k6/execution'
import http from 'k6/http'
import type { RefinedParams, RefinedResponse, ResponseType } from 'k6/http'
import { readsResponse, settleStep, stepKey, wireRequest } from '../../../../journeys/interpret.ts'
import type { Context, Journey, Response, Step } from '../../../../journeys/journey.ts'
import { requestHeaders, requestTarget } from '../../../../journeys/client/address.ts'
import { answerClass } from '../../../../journeys/client/failure.ts'
import { Answer, unansweredFailure } from './answer.ts'
import { recorderOf } from './metrics.ts'
import type { StepRecorder } from './metrics.ts'
import { startedLate } from './wire.ts'
import type { ScriptMessage, ScriptPlan } from './wire.ts'

/** A journey with what each of its steps needs, looked up once for each virtual user. */
export interface PreparedJourney {
  name: string
  steps: PreparedStep[]
}

interface PreparedStep {
  step: Step
  recorder: StepRecorder
  params: RefinedParams<ResponseType>
  /** The last path and its URL, which most steps use again. */
  path: string | undefined
  url: string
  /** What a step sees that looks at nothing but the status: used again for each request. Absent where more is looked at. */
  bare: Response | undefined
  /** A cookie set in this step could be sent in the next. k6 forgets them after each iteration, not before. */
  mayCarryCookies: boolean
}

type K6Response = RefinedResponse<ResponseType>

/** Plays a journey from its first step to its last, or to the first that fails. Latencies go to `sample` too, if there is one. */
export type Player = (
  journey: PreparedJourney,
  start: Context,
  measured: boolean,
  sample: number[] | undefined,
) => void

/**
 * Runs inside k6: sends the steps' requests, and counts what comes of them.
 *
 * What runs for each request is written for k6's interpreter, where each call, iterator and look-up of an imported name
 * costs: few functions, plain loops, and imports kept in constants. It decides how much load one k6 can make.
 */
export function playerOf(
  plan: ScriptPlan,
  journeys: readonly PreparedJourney[],
  say: (message: ScriptMessage) => void,
): Player {
  const [wire, settle, ask] = [wireRequest, settleStep, http.request]
  const { address } = plan
  const origin = `${address.protocol}//${address.host}`
  const loggedIn = address.authorization !== undefined
  const { drainMs } = startedLate
  const latestMs = plan.warmupMs + plan.durationMs + drainMs

  /** A request that cannot be made, because the journey's `request` throws or returns none, ends the run. */
  function request(prepared: PreparedStep, ctx: Context): K6Response | undefined {
    try {
      const { method, path, headers, body } = wire(prepared.step, ctx)
      const { params } = prepared
      params.headers = loggedIn ? requestHeaders(address, headers) : headers
      if (path !== prepared.path || prepared.url === '') {
        prepared.path = path
        prepared.url = origin + requestTarget(address, path)
      }
      return ask(method, prepared.url, body, params)
    } catch (error) {
      const problem = `${prepared.recorder.key}: request threw: ${error instanceof Error ? error.message : String(error)}`
      say({ say: 'usage-error', problem })
      exec.test.abort(problem)
      return undefined
    }
  }

  return (journey, start, measured, sample) => {
    const { steps } = journey
    let ctx = start
    let spentMs = 0
    for (let index = 0; index < steps.length; index += 1) {
      const prepared = steps[index]
      // The clock is dear to read; a journey that was quick so far cannot have run far past the end.
      if (prepared === undefined || (spentMs > drainMs && exec.instance.currentTestRunDuration > latestMs))
        return
      const response = request(prepared, ctx)
      if (response === undefined) return
      const { status } = response
      const { recorder, bare } = prepared
      if (status === 0) {
        recorder.unanswered(measured, unansweredFailure(response.error_code, response.error), response.error)
        return
      }
      // No cookie is carried over: what a journey sends is what it says, in every engine.
      if (prepared.mayCarryCookies && response.headers['Set-Cookie'] !== undefined) forgetCookies(journeys)
      const latencyMs = response.timings.duration
      spentMs += latencyMs
      if (sample !== undefined) sample.push(latencyMs)
      if (measured) recorder.latency.add(latencyMs)
      if (bare !== undefined) {
        // What `settle` would find where a step looks at nothing but the status.
        if (status >= 200 && status < 300) continue
        bare.status = status
      }
      const outcome = settle(prepared.step, bare ?? new Answer(status, response), ctx)
      if (outcome.problem !== undefined) {
        recorder.failed(measured, answerClass(status), outcome.problem)
        return
      }
      ctx = outcome.ctx
    }
  }
}

/** Each step of the mix gets metrics of its own, so this must be called while the script is loaded. */
export function prepareJourneys(
  plan: ScriptPlan,
  journeys: readonly Journey[],
  say: (message: ScriptMessage) => void,
): PreparedJourney[] {
  return plan.journeys.map((chosen) => {
    const journey = journeys.find(({ name }) => name === chosen)
    if (journey === undefined) throw new Error(`journey ${chosen} is not in the journeys module`)
    const steps = journey.steps.map((step): PreparedStep => {
      const key = stepKey(journey.name, step.name)
      const reads = readsResponse(step)
      return {
        step,
        recorder: recorderOf(key, plan, say),
        params: reads
          ? { timeout: plan.requestTimeoutMs, responseType: 'text' as const }
          : { timeout: plan.requestTimeoutMs },
        path: undefined,
        url: '',
        bare: reads ? undefined : { status: 0, headers: {}, json: undefined, text: '' },
        mayCarryCookies: journey.steps.length > 1,
      }
    })
    return { name: journey.name, steps }
  })
}

function forgetCookies(journeys: readonly PreparedJourney[]): void {
  for (const { steps } of journeys) for (const { params } of steps) params.jar = new http.CookieJar()
}
