import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import http from 'k6/http'
import type { RefinedParams, RefinedResponse, ResponseType } from 'k6/http'
import type { Options } from 'k6/options'
import { readsResponse, settleStep, startContext, stepKey, wireRequest } from '../../../journeys/interpret.ts'
import type { WireRequest } from '../../../journeys/interpret.ts'
import type { Context, Journey, Response, Step } from '../../../journeys/journey.ts'
import { requestHeaders, requestTarget } from '../../virtual-users/address.ts'
import { answerClass } from '../../virtual-users/failure.ts'
import { Answer, unansweredFailure } from './answer.ts'
import { lateness, recorderOf } from './metrics.ts'
import type { StepRecorder } from './metrics.ts'
import { optionsOf } from './options.ts'
import { summaryOf } from './script-summary.ts'
import type { K6Summary } from './script-summary.ts'
import { startedLate } from './wire.ts'
import type { PreparedContexts, ScriptMessage, ScriptPlan } from './wire.ts'

/** What k6 looks for in a script; the entry file exports these under the same names. */
export interface Script {
  options: Options
  setup: () => void
  warmup: () => void
  measure: () => void
  teardown: () => void
  handleSummary: (data: K6Summary) => Record<string, string>
}

/** A journey with what each of its steps needs, looked up once for each virtual user. */
interface PreparedJourney {
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

/** Runs inside k6, once for each virtual user: plays the journeys of the plan at its rate, and measures. */
export function interpret(plan: ScriptPlan, journeys: readonly Journey[]): Script {
  const say = (message: ScriptMessage): void => console.error(`${plan.nonce} ${JSON.stringify(message)}`)
  const user = userOf(plan, journeys, say)
  return {
    // k6 reads the options of virtual user 0, which plays nothing; making them is not free.
    options: __VU === 0 ? optionsOf(plan) : {},
    setup: () => say({ say: 'started' }),
    warmup: () => user.iterate(false),
    measure: () => user.iterate(true),
    teardown: () => say({ say: 'ended' }),
    handleSummary: (data) => ({ [plan.summaryFile]: JSON.stringify(summaryOf(plan, data)) }),
  }
}

function userOf(plan: ScriptPlan, journeys: readonly Journey[], say: (message: ScriptMessage) => void): { iterate: (measured: boolean) => void } {
  const prepared = prepareJourneys(plan, journeys, say)
  const all = prepared.flatMap(({ steps }) => steps)
  const { cycle } = plan
  const contexts = contextsOf(plan)
  const origin = `${plan.address.protocol}//${plan.address.host}`
  const loggedIn = plan.address.authorization !== undefined
  const periodMs = 1000 / plan.ratePerSecond
  // Some of the iterations tell how late all are.
  const latenessEvery = Math.ceil(plan.ratePerSecond / 100)
  // Warm-up's iterations and the measurement's must differ in `unique`.
  const measuredFrom = Math.ceil((plan.warmupMs / 1000) * plan.ratePerSecond) + 1
  const latestMs = plan.warmupMs + plan.durationMs + startedLate.drainMs
  let self: VirtualUser | undefined

  function iterate(measured: boolean): void {
    self ??= begin(plan, prepared, contexts)
    const iteration = self.scenario.iterationInTest
    const chosen = cycle[iteration % cycle.length] ?? 0
    const journey = prepared[chosen]
    if (journey === undefined) return
    if (measured && iteration % latenessEvery === 0) lateness.add(self.instance.currentTestRunDuration - iteration * periodMs)
    play(journey, startContext(plan.run, self.identity, measured ? measuredFrom + iteration : iteration, self.saved[chosen]), measured, self)
  }

  function play(journey: PreparedJourney, start: Context, measured: boolean, self: VirtualUser): void {
    let ctx: Context | undefined = start
    let spentMs = 0
    for (const prepared of journey.steps) {
      // The clock is dear to read here; a journey that was quick so far cannot have run far past the end.
      if (spentMs > startedLate.drainMs && self.instance.currentTestRunDuration > latestMs) return
      const request = requestOf(prepared, ctx)
      if (request === undefined) return
      const response = send(prepared, request)
      const latencyMs = response.timings.duration
      spentMs += latencyMs
      ctx = settle(prepared, response, ctx, measured, latencyMs)
      if (ctx === undefined) return
    }
  }

  function requestOf(prepared: PreparedStep, ctx: Context): WireRequest | undefined {
    try {
      return wireRequest(prepared.step, ctx)
    } catch (error) {
      const problem = `${prepared.recorder.key}: request threw: ${error instanceof Error ? error.message : String(error)}`
      say({ say: 'misused', problem })
      exec.test.abort(problem)
      return undefined
    }
  }

  function send(prepared: PreparedStep, request: WireRequest): K6Response {
    const { params } = prepared
    params.headers = loggedIn ? requestHeaders(plan.address, request.headers) : request.headers
    if (request.path !== prepared.path) {
      prepared.path = request.path
      prepared.url = origin + requestTarget(plan.address, request.path)
    }
    const response = http.request(request.method, prepared.url, request.body, params)
    // No cookie is carried over: what a journey sends is what it says, in every engine.
    if (prepared.mayCarryCookies && response.headers['Set-Cookie'] !== undefined) for (const { params: later } of all) later.jar = new http.CookieJar()
    return response
  }

  /** The context for the next step, or undefined when this one failed and the journey ends. */
  function settle(prepared: PreparedStep, response: K6Response, ctx: Context, measured: boolean, latencyMs: number): Context | undefined {
    const { status } = response
    const { bare, recorder } = prepared
    if (status === 0) {
      recorder.unanswered(measured, unansweredFailure(response.error_code, response.error), response.error)
      return undefined
    }
    if (bare) bare.status = status
    const outcome = settleStep(prepared.step, bare ?? new Answer(status, response), ctx)
    if (measured) recorder.latency.add(latencyMs)
    if (outcome.problem === undefined) return outcome.ctx
    recorder.failed(measured, answerClass(status), outcome.problem)
    return undefined
  }

  return { iterate }
}

interface VirtualUser {
  scenario: typeof exec.scenario
  instance: typeof exec.instance
  identity: number
  /** By place in the mix. */
  saved: Record<string, unknown>[]
}

/** Once for each virtual user: k6 makes these objects anew each time they are asked for, which is dear. */
function begin(plan: ScriptPlan, prepared: readonly PreparedJourney[], contexts: PreparedContexts[] | undefined): VirtualUser {
  const identity = (exec.vu.idInTest - 1) % plan.users
  const all = contexts?.[0]
  return { scenario: exec.scenario, instance: exec.instance, identity, saved: prepared.map(({ name }) => all?.[name]?.[identity] ?? {}) }
}

function prepareJourneys(plan: ScriptPlan, journeys: readonly Journey[], say: (message: ScriptMessage) => void): PreparedJourney[] {
  return plan.journeys.map((chosen) => {
    const journey = journeys.find(({ name }) => name === chosen)
    if (journey === undefined) throw new Error(`journey ${chosen} is not in the journeys module`)
    const steps = journey.steps.map((step): PreparedStep => {
      const key = stepKey(journey.name, step.name)
      const reads = readsResponse(step)
      return {
        step,
        recorder: recorderOf(key, plan.steps.indexOf(key), plan.warmupMs, say),
        params: reads ? { timeout: plan.requestTimeoutMs, responseType: 'text' as const } : { timeout: plan.requestTimeoutMs },
        path: undefined,
        url: '',
        bare: reads ? undefined : { status: 0, headers: {}, json: undefined, text: '' },
        mayCarryCookies: journey.steps.length > 1,
      }
    })
    return { name: journey.name, steps }
  })
}

/** What the `before` steps saved: one copy for all virtual users, which k6 keeps in a shared array of one element. */
function contextsOf(plan: ScriptPlan): PreparedContexts[] | undefined {
  const file = plan.contextsFile
  if (file === undefined) return undefined
  return new SharedArray<PreparedContexts>('contexts', () => [JSON.parse(open(file))])
}
