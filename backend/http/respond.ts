import type { IncomingMessage } from 'node:http'
import { DatabaseBusy, DatabaseUnavailable, isForeignKeyViolation } from '../db/availability.ts'
import type { Reply } from './endpoint.ts'
import { formatTraceparent } from './scope.ts'
import type { Scope } from './scope.ts'

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

/** Builds the problem document. */
export function buildProblemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const [, title] = problems[problem.kind]
  const { status } = problem
  const { detail, errors } = problem.options
  return {
    type: `urn:todo:problem:${problem.kind}`,
    title,
    status,
    detail,
    requestId,
    ...(errors && { errors }),
  }
}

/** For an API that answers programs with JSON: answers must not be executed, framed, sniffed or cached. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** Builds the answer from a handler's reply and the headers of every answer. */
export function respond(scope: Scope, reply: Reply, timing: boolean): Response {
  const headers: Record<string, string> = {
    ...securityHeaders,
    'x-request-id': scope.requestId,
    traceparent: formatTraceparent(scope),
    ...scope.headers,
  }
  let body: Reply['body'] | null = reply.body ?? null
  if (reply.json !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(reply.json)
  }
  if (reply.headers !== undefined) Object.assign(headers, reply.headers)
  if (timing) headers['server-timing'] = formatServerTiming(scope)
  return new Response(body, { status: reply.status, headers })
}

/** In characters. The message of a failed query contains the query and its values. */
const maxLogged = 8000

/** `app` is the time outside the database and `db` the time waiting for it, both in milliseconds so far. */
export function formatServerTiming(scope: Scope): string {
  const { ms, statements, rows } = scope.db
  const app = Math.max(0, performance.now() - scope.startedAt - ms)
  return `app;dur=${app.toFixed(3)}, db;dur=${ms.toFixed(3)}, sql;desc="${statements}", rows;desc="${rows}"`
}

/**
 * Builds the problem answer for any error. Details that callers must not see go to the scope, for the log.
 */
export function buildProblemReply(scope: Scope, error: unknown): Reply {
  const problem = toProblem(error)
  const stack =
    problem.kind === 'internal' && error instanceof Error ? error.stack?.slice(0, maxLogged) : undefined
  scope.error = { kind: problem.kind, message: toMessage(error).slice(0, maxLogged), stack }
  return {
    status: problem.status,
    body: JSON.stringify(buildProblemBody(problem, scope.requestId)),
    headers: { ...problem.options.headers, 'content-type': 'application/problem+json' },
  }
}

function toProblem(error: unknown): Problem {
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

function toMessage(error: unknown): string {
  if (error instanceof Error) return error.message
  return typeof error === 'string' ? error : 'not an Error'
}

/**
 * The headers that pages of other origins may send and read
 * (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
const allowedHeaders = 'Authorization, Content-Type, Idempotency-Key, If-Match, Traceparent, X-Request-Id'
const exposedHeaders = [
  'Content-Disposition, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After',
  'Server-Timing, Traceparent, X-Request-Id',
].join(', ')
const methods = 'GET, HEAD, POST, PATCH, DELETE'
/** The methods of some resource, for questions about the server as a whole. */
export const servedMethods = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST'
const preflightMaxAgeSeconds = '600'

/** Returns the headers by which a browser decides whether a page may read the answer. */
export type CorsHeaders = (incoming: IncomingMessage) => Readonly<Record<string, string>>

/**
 * Allows pages of exactly these origins to read answers. Pages of other origins get no CORS headers, so the
 * browser hides the answer. Cookies are never allowed: only the token identifies the caller.
 */
export function createCors(origins: readonly string[]): CorsHeaders {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()))
  if (allowed.size === 0) return () => noHeaders
  return ({ method, headers }) => {
    const { origin } = headers
    if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' }
    const answer = {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': exposedHeaders,
    }
    const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
    return isPreflight
      ? {
          ...answer,
          'access-control-allow-methods': methods,
          'access-control-allow-headers': allowedHeaders,
          'access-control-max-age': preflightMaxAgeSeconds,
        }
      : answer
  }
}

const noHeaders = {}
