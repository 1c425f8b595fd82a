import exec from 'k6/execution'
import http from 'k6/http'
import type { RefinedResponse, ResponseType } from 'k6/http'
import { readsResponse, settleStep, wireRequest } from '../../../journeys/interpret.ts'
import type { Context, Journey, Step } from '../../../journeys/journey.ts'
import { requestHeaders, requestTarget } from '../../../journeys/client/address.ts'
import type { Address } from '../../../journeys/client/address.ts'
import { answerClass } from '../../../journeys/client/failure.ts'
import { Answer, unansweredFailure } from '../../engines/k6/k6-runtime/answer.ts'
import { requestFailureClasses } from '../../engines/k6/k6-runtime/wire.ts'
import type { RequestFailureClass } from '../../engines/k6/k6-runtime/wire.ts'
import { mostText, recordedTrace } from './wire.ts'
import type { PlayedStep } from './wire.ts'

type K6Response = RefinedResponse<ResponseType>

/** What became of a journey: every step that was sent, and what the last one said if it failed. */
export interface Outcome {
  steps: PlayedStep[]
  problem: string | undefined
}

/**
 * Runs inside k6: sends a journey's requests to one side, the same as every engine sends, and notes of each answer what
 * the two sides are compared by.
 */
export function play(
  journey: Journey,
  address: Address,
  start: Context,
  timeoutMs: number,
  misused: (problem: string) => void,
): Outcome {
  const steps: PlayedStep[] = []
  let ctx = start
  for (const step of journey.steps) {
    const response = send(step, address, ctx, timeoutMs, misused)
    if (response === undefined) return { steps, problem: undefined }
    if (response.status === 0) {
      steps.push([-1, numberOf(unansweredFailure(response.error_code, response.error)), -1, ''])
      return { steps, problem: response.error }
    }
    const { problem, ctx: next } = settleStep(step, new Answer(response.status, response), ctx)
    const trace = recordedTrace(response.headers['Traceparent'])
    const told = [
      response.timings.duration,
      problem === undefined ? 0 : numberOf(answerClass(response.status)),
      bytesOf(response),
      (response.headers['Server-Timing'] ?? '').slice(0, mostText),
    ] as const
    steps.push(trace === undefined ? [...told] : [...told, trace])
    if (problem !== undefined) return { steps, problem }
    ctx = next
  }
  return { steps, problem: undefined }
}

/** A request that cannot be made, because the journey's `request` throws, ends the duet: its author has to mend it. */
function send(
  step: Step,
  address: Address,
  ctx: Context,
  timeoutMs: number,
  misused: (problem: string) => void,
): K6Response | undefined {
  try {
    const { method, path, headers, body } = wireRequest(step, ctx)
    return http.request(method, `${address.protocol}//${address.host}${requestTarget(address, path)}`, body, {
      timeout: timeoutMs,
      headers: requestHeaders(address, headers),
      responseType: readsResponse(step) ? 'text' : 'none',
      // No cookie is carried over: what a journey sends is what it says.
      jar: new http.CookieJar(),
    })
  } catch (error) {
    const problem = `${step.name}: request threw: ${error instanceof Error ? error.message : String(error)}`
    misused(problem)
    exec.test.abort(problem)
    return undefined
  }
}

function numberOf(failure: RequestFailureClass): number {
  return requestFailureClasses.indexOf(failure) + 1
}

// The length of a text is not that of its bytes, but the same for the same answer, which is what matters here.
function bytesOf(response: K6Response): number {
  const told = response.headers['Content-Length']
  if (told !== undefined && /^\d{1,12}$/.test(told)) return Number(told)
  return typeof response.body === 'string' ? response.body.length : -1
}
