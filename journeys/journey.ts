/*
 * What a user does, as data and pure functions. The same journey runs as a probe, as a Playwright test and as
 * load in k6 and autocannon. Nothing here may import from Node: k6 has a separate runtime.
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
  /** The expected status, or one of several. Default: any 2xx. A redirect is never followed. */
  status?: number | number[]
  /**
   * Returns `undefined` for an expected response, else a sentence with the problem. An unexpected status
   * fails the step whatever it returns; a sentence that begins with `status` and the number is then the
   * message.
   */
  check?: (response: Response, ctx: Context) => string | undefined
  /** Values that later steps need, merged into their context. They must survive JSON. */
  save?: (response: Response, ctx: Context) => Record<string, unknown>
  /**
   * Polls: the step is sent every `everyMs` until its check passes, for at most `timeoutMs`. Only an answer
   * of an expected status, or a 2xx, means "not yet"; any other answer ends the polling. `polls` in the
   * context counts the earlier requests. Only probes and Playwright poll: a journey that waits makes no
   * steady load, so no suite may contain one.
   */
  until?: Until
}

/** How a step polls, in milliseconds. */
export interface Until {
  everyMs: number
  timeoutMs: number
}

/** `path` is relative to the target's URL. `json` is sent as application/json, `body` unchanged. */
export interface StepRequest {
  method: string
  path: string
  headers?: Record<string, string>
  json?: unknown
  body?: string
}

/** Values by the names of their environment variables. */
export type Secrets = Readonly<Record<string, string>>

/** Header names are in lower case. `json` is `undefined` when the body is not JSON. */
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
  /** The values of the environment variables that the config's `secrets` names. */
  secrets: Secrets
  [saved: string]: unknown
}
