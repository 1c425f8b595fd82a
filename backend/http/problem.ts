import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { DatabaseBusy, DatabaseUnavailable, isForeignKeyViolation } from '../db/availability.ts'
import type { AppEnv } from './scope.ts'

/** An invalid field of a request and its path: `body.title`, `query.limit`, `body.create.3.title`. */
export interface InvalidField {
  at: string
  message: string
}

export interface ProblemOptions {
  detail: string
  headers?: Readonly<Record<string, string>>
  errors?: readonly InvalidField[]
  /** For logs, never for the caller. */
  reason?: string
  /** Overrides the status of the kind: an injected fault may have any. */
  status?: number
}

const problems = {
  'malformed-request': [400, 'The request is malformed'],
  unauthenticated: [401, 'A valid access token is required'],
  'wrong-credentials': [401, 'The credentials are not valid'],
  forbidden: [403, 'This is not allowed'],
  'not-found': [404, 'The resource does not exist'],
  'method-not-allowed': [405, 'The resource does not support this method'],
  timeout: [408, 'The request took too long to arrive'],
  conflict: [409, 'The request conflicts with the current state'],
  'changed-meanwhile': [412, 'The resource has changed'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The media type of the body is not supported'],
  'unknown-expectation': [417, 'The expectation is not supported'],
  invalid: [422, 'The request is not valid'],
  'locked-out': [423, 'The account is temporarily locked'],
  'too-many-requests': [429, 'Too many requests'],
  'headers-too-large': [431, 'The header fields are too large'],
  internal: [500, 'Internal error'],
  'injected-fault': [500, 'An injected fault'],
  unavailable: [503, 'The service is unavailable'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemKind = keyof typeof problems

/** Thrown anywhere below a handler; becomes an answer as defined by RFC 9457. */
export class Problem extends Error {
  override name = 'Problem'
  readonly kind: ProblemKind
  readonly options: ProblemOptions

  constructor(kind: ProblemKind, options: ProblemOptions) {
    super(options.reason ?? options.detail)
    this.kind = kind
    this.options = options
  }

  get status(): number {
    return this.options.status ?? problems[this.kind][0]
  }
}

export function buildProblemBody({ kind, status, options }: Problem, requestId: string): object {
  const [, title] = problems[kind]
  const { detail, errors } = options
  return { type: `urn:todo:problem:${kind}`, title, status, detail, requestId, errors }
}

/** In characters. The message of a failed query contains the query and its values. */
const maxLogged = 8000

/** Answers with the problem of any error. Details that callers must not see go to the scope, for the log. */
export function answerProblem(c: Context<AppEnv>, error: Error): Response {
  const problem = toProblem(error)
  const scope = c.get('scope')
  const stack = problem.kind === 'internal' ? error.stack?.slice(0, maxLogged) : undefined
  scope.error = { kind: problem.kind, message: error.message.slice(0, maxLogged), stack }
  // An injected fault may have a status that no standard defines.
  // oxlint-disable-next-line no-unsafe-type-assertion
  return c.json(buildProblemBody(problem, scope.requestId), problem.status as ContentfulStatusCode, {
    ...problem.options.headers,
    'Content-Type': 'application/problem+json',
  })
}

function toProblem(error: Error): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnavailable)
    return new Problem('unavailable', {
      detail: 'The database does not answer',
      headers: { 'retry-after': '5' },
    })
  // What callers write belongs to their account, which was deleted after their token was accepted.
  if (isForeignKeyViolation(error))
    return new Problem('unauthenticated', {
      detail: 'The account no longer exists',
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    })
  if (error instanceof DatabaseBusy)
    return new Problem('unavailable', { detail: 'The database is too busy', headers: { 'retry-after': '2' } })
  return new Problem('internal', { detail: 'The log has the error under this request id' })
}
