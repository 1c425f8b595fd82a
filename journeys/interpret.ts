import type { Context, Response, Step } from './journey.ts'

/** A request as it goes on the wire: header names in lower case, the body as text or none. */
export interface WireRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: string | undefined
}

/** What a step came to: the context for the next step, and what was wrong, if anything. */
export interface StepOutcome {
  ctx: Context
  problem: string | undefined
}

/** The key of a step in records, metric labels and legends. */
export function stepKey(journey: string, step: string): string {
  return `${journey}/${step}`
}

/** The context a virtual user's iteration starts from; `prepared` is what its `before` steps saved. */
export function startContext(
  run: string,
  user: number,
  iteration: number,
  prepared: Record<string, unknown> = {},
): Context {
  return { ...prepared, user, iteration, unique: `${run}-${user}-${iteration}` }
}

/** Every engine sends exactly this, so that the same journey is the same traffic everywhere. */
export function wireRequest(step: Step, ctx: Context): WireRequest {
  const request = step.request(ctx)
  const headers: Record<string, string> = {}
  if (request.json !== undefined) headers['content-type'] = 'application/json'
  // Looping over nothing is dear in k6's runtime, and this runs before every request.
  if (request.headers !== undefined)
    for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value
  const body = request.json === undefined ? request.body : JSON.stringify(request.json)
  return { method: request.method.toUpperCase(), path: request.path, headers, body }
}

/** Checks a response and saves what later steps need. A check or save that throws is a failed check, not a crash. */
export function settleStep(step: Step, response: Response, ctx: Context): StepOutcome {
  try {
    const problem = step.check ? step.check(response, ctx) : expectSuccess(response)
    if (problem !== undefined || !step.save) return { ctx, problem }
    return { ctx: { ...ctx, ...step.save(response, ctx) }, problem: undefined }
  } catch (error) {
    return { ctx, problem: `check threw: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function expectSuccess(response: Response): string | undefined {
  if (response.status >= 200 && response.status < 300) return undefined
  return `status ${response.status}, expected 2xx`
}

/** Whether a step reads the body: engines may skip reading what nobody looks at. */
export function readsResponse(step: Step): boolean {
  return step.check !== undefined || step.save !== undefined
}

/**
 * Spreads iterations over the journeys of a mix by their weights, evenly and the same in every run: smooth weighted
 * round-robin, so that any stretch of iterations holds the mix as closely as whole numbers allow.
 *
 * @returns one cycle of indices into `weights`; iteration i runs `cycle[i % cycle.length]`. Weights are scaled to at
 * most 1,000 iterations a cycle, each journey with a positive weight at least once.
 */
export function mixCycle(weights: readonly number[]): number[] {
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
