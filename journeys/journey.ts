/**
 * What a user does, as data and pure functions. The same journey runs as a probe, as a Playwright test and as load in
 * k6 and autocannon, so nothing here may import from Node: k6 has a runtime of its own.
 */

/** Named steps in order. `before` and `after` run once per virtual user and are not measured. */
export interface Journey {
  name: string
  before?: Step[]
  steps: Step[]
  after?: Step[]
}

export interface Step {
  name: string
  request: (ctx: Context) => StepRequest
  /** `undefined`: as expected; a string says what is wrong. Default: any 2xx. */
  check?: (response: Response, ctx: Context) => string | undefined
  /** What later steps need; merged into their context. Must survive JSON. */
  save?: (response: Response, ctx: Context) => Record<string, unknown>
  /**
   * Waits for something: the step is sent again every `everyMs` until its check passes, for at most `timeoutMs`. Only a 2xx
   * that says the wrong thing is "not yet"; any other answer ends it. `polls` in the context tells how many came before.
   * Probes and Playwright wait; a journey that waits makes no steady load, so no suite may have it.
   */
  until?: Until
}

/** Milliseconds. */
export interface Until {
  everyMs: number
  timeoutMs: number
}

/** `path` is relative to the target's URL; `json` is sent as application/json, `body` as it is. */
export interface StepRequest {
  method: string
  path: string
  headers?: Record<string, string>
  json?: unknown
  body?: string
}

/** Header names are lower case; `json` is `undefined` when the body is not JSON. */
export interface Response {
  status: number
  headers: Record<string, string>
  json: unknown
  text: string
}

/** `unique` differs for every run, user and iteration. */
export interface Context {
  user: number
  iteration: number
  unique: string
  [saved: string]: unknown
}
