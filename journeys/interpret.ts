import { encodeForm } from './bodies.ts'
import type { Context, Response, Secrets, Step } from './journey.ts'

/** A request as it is sent: header names in lower case, the body as text, as bytes or none. */
export interface WireRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: string | Uint8Array<ArrayBuffer> | undefined
}

/** The result of a step: the context for the next step; or the problem and its class. */
export type StepOutcome =
  | { ctx: Context; problem: undefined }
  | { ctx: Context; problem: string; class: AnswerClass }

/** What was wrong with an answer: a redirect or another unexpected status, or its content. */
export type AnswerClass = 'redirect' | 'status' | 'check'

/** The key of a step in records, metric labels and legends. */
export function toStepKey(journey: string, step: string): string {
  return `${journey}/${step}`
}

/** Creates the context of a virtual user's iteration. `prepared` is what the `before` steps saved. */
export function startContext(
  run: string,
  user: number,
  iteration: number,
  prepared: Record<string, unknown> = {},
  secrets: Secrets = {},
): Context {
  return { ...prepared, user, iteration, unique: `${run}-${user}-${iteration}`, secrets }
}

/**
 * Builds the request of a step. Every engine sends exactly this, so a journey is the same traffic everywhere.
 */
export function toWireRequest(step: Step, ctx: Context): WireRequest {
  const request = step.request(ctx)
  const headers: Record<string, string> = {}
  if (request.json !== undefined) headers['content-type'] = 'application/json'
  const form =
    request.form === undefined && request.multipart === undefined
      ? undefined
      : encodeForm(request, ctx.unique)
  if (form !== undefined) headers['content-type'] = form.contentType
  // An empty loop is expensive in k6's runtime, and this runs before every request.
  if (request.headers !== undefined)
    for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value
  const text = request.json === undefined ? request.body : JSON.stringify(request.json)
  const body = form === undefined ? text : form.body
  return { method: request.method.toUpperCase(), path: request.path, headers, body }
}

/**
 * Checks the status of a response, then the rest of it, and saves what later steps need. A check or save that
 * throws is a failed check, not a crash. An unexpected 2xx has the class `check`: a step that polls takes it
 * for "not yet", as a 202 before the 200.
 */
export function checkStep(step: Step, response: Response, ctx: Context): StepOutcome {
  const { status } = response
  if (!isExpectedStatus(step, status))
    return { ctx, problem: describeUnexpected(step, response, ctx), class: classifyAnswer(status) }
  try {
    const problem = step.check?.(response, ctx)
    if (problem !== undefined) return { ctx, problem, class: 'check' }
    return { ctx: step.save ? { ...ctx, ...step.save(response, ctx) } : ctx, problem: undefined }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { ctx, problem: `check threw: ${reason}`, class: 'check' }
  }
}

/** Whether a step expects this status, whatever its `check` finds. Called for every request of a load. */
export function isExpectedStatus({ status: expected }: Step, status: number): boolean {
  if (expected === undefined) return status >= 200 && status < 300
  return typeof expected === 'number' ? status === expected : expected.includes(status)
}

/** The check's own sentence if it is about the status: it may know which service the 503 is about. */
function describeUnexpected(step: Step, response: Response, ctx: Context): string {
  const found = `status ${response.status}`
  const { status: expected = [] } = step
  const statuses = typeof expected === 'number' ? [expected] : expected
  try {
    const problem = step.check?.(response, ctx)
    if (problem?.startsWith(found) === true) return problem
  } catch {
    // It reads a field that only an expected answer has.
  }
  return `${found}, expected ${statuses.length === 0 ? '2xx' : statuses.join(' or ')}`
}

/** Classifies an answer of an unexpected status. */
export function classifyAnswer(status: number): AnswerClass {
  if (status >= 200 && status < 300) return 'check'
  return status >= 300 && status < 400 ? 'redirect' : 'status'
}

/** What an id may be: a hostile service may send anything as one. */
const requestIdForm = /^[\w.:/+=@-]{1,64}$/

export function isRequestId(text: string): boolean {
  return requestIdForm.test(text)
}

/** Headers that name a request, best first. */
const idHeaders = ['x-request-id', 'x-correlation-id', 'request-id', 'traceparent', 'server-timing']

/**
 * The id by which the service's log or traces name an answer; undefined when it sends none that is harmless.
 * Called for the few failures that are reported.
 */
export function findRequestId(headers: Readonly<Record<string, unknown>>): string | undefined {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  for (const name of idHeaders) {
    const value = byName.get(name)
    if (typeof value !== 'string' || value.length > 4096) continue
    const id = /^traceparent$|^server-timing$/.test(name)
      ? /(?:^|[\s"=])[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:$|[\s",;])/.exec(value)?.[1]
      : value.trim()
    if (id !== undefined && isRequestId(id)) return id
  }
  return undefined
}

/** Whether a step reads the body. Engines may skip reading a body that no check uses. */
export function readsResponse(step: Step): boolean {
  return step.check !== undefined || step.save !== undefined
}

/**
 * Spreads iterations over the journeys of a mix by weight, evenly and the same in every run. This is smooth
 * weighted round-robin: any range of iterations matches the mix as closely as whole numbers allow.
 *
 * @returns one cycle of indices into `weights`; iteration i runs `cycle[i % cycle.length]`. Weights are
 *   scaled to at most 1,000 iterations a cycle. Each journey with a positive weight runs at least once a
 *   cycle.
 */
export function buildMixCycle(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const smallest = Math.min(...weights.filter((weight) => weight > 0))
  const scale = Math.min(1000 / total, 1 / smallest)
  const shares = weights.map((weight) => (weight > 0 ? Math.max(1, Math.round(weight * scale)) : 0))
  const length = shares.reduce((sum, share) => sum + share, 0)
  const credit = shares.map(() => 0)
  return Array.from({ length }, () => {
    let chosen = 0
    for (const [index, share] of shares.entries()) {
      const value = (credit[index] ?? 0) + share
      credit[index] = value
      if (value > (credit[chosen] ?? 0)) chosen = index
    }
    credit[chosen] = (credit[chosen] ?? 0) - length
    return chosen
  })
}
