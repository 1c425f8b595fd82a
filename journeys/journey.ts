/*
 * What a user does, as data and pure functions. The same journey runs as a probe, as a Playwright test and as
 * load in k6 and autocannon. Nothing here may import from Node: k6 has a separate runtime.
 */

/** Named steps in order. `before` and `after` run once per virtual user and are not measured. */
export interface Journey {
  /** The config, reports and metrics name it so. */
  name: string
  /** Steps that prepare, such as a login. */
  before?: Step[]
  /** Steps that are measured. */
  steps: Step[]
  /** Steps that clean up. They run even if an earlier step failed. */
  after?: Step[]
}

/** One request, what is expected of its answer, and what later steps need of it. */
export interface Step {
  /** Unique in its journey. Records name the step `journey/step`. */
  name: string
  /** Creates the request. It must not have side effects. */
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
  /** Time between two requests. */
  everyMs: number
  /** Time after which the step has failed. */
  timeoutMs: number
}

/** A request has at most one of `json`, `form`, `multipart` and `body`. */
export interface StepRequest {
  /** HTTP method in upper case. */
  method: string
  /** Path with its query, below the target's URL. */
  path: string
  /** Request headers. */
  headers?: Record<string, string>
  /** Value of a JSON body. It sets the content type. */
  json?: unknown
  /** Fields of a form, sent as `application/x-www-form-urlencoded`. A list is one field several times. */
  form?: Record<string, FormValue | FormValue[]>
  /** Fields and files of a form, sent as `multipart/form-data`. */
  multipart?: Record<string, FormValue | FilePart | (FormValue | FilePart)[]>
  /** Text of a body, sent unchanged. Set its content type in `headers`. */
  body?: string
}

/** Value of a field of a form. */
export type FormValue = string | number | boolean

/** A file of a form. It has either `text` or `base64`. */
export interface FilePart {
  /** Name of the file. */
  filename: string
  /** Content type. Default: `application/octet-stream`. */
  type?: string
  /** Content as text. */
  text?: string
  /** Content that is no text, in base64: journeys cannot read files, since k6 could not. */
  base64?: string
}

/** Values by the names of their environment variables. */
export type Secrets = Readonly<Record<string, string>>

/** An answer. */
export interface Response {
  /** HTTP status. */
  status: number
  /** Values by name, in lower case. */
  headers: Record<string, string>
  /** Value of the body, or `undefined` if it is not JSON. */
  json: unknown
  /** Body as text. */
  text: string
}

/** What a request, a check or a save can use. */
export interface Context {
  /** Number of the virtual user. */
  user: number
  /** Number of the iteration of this user. */
  iteration: number
  /** Differs for every run, user and iteration. */
  unique: string
  /** The values of the environment variables that the config's `secrets` names. */
  secrets: Secrets
  /** Values that earlier steps saved. */
  [saved: string]: unknown
}
