import type { IncomingMessage } from 'node:http'
import { DatabaseBusy, DatabaseUnavailable } from '../db/availability.ts'
import type { Reply } from './endpoint.ts'
import { Problem, problemBody } from './problem.ts'
import { traceparentOf } from './scope.ts'
import type { Scope } from './scope.ts'

/** For an API that answers JSON to programs: nothing of an answer may be run, framed, guessed at or kept. */
const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

/** A handler's reply as the answer, with the headers that every answer carries. */
export function respond(scope: Scope, reply: Reply, timing: boolean): Response {
  const headers: Record<string, string> = {
    ...securityHeaders,
    'x-request-id': scope.requestId,
    traceparent: traceparentOf(scope),
    ...scope.headers,
  }
  let body: Reply['body'] | null = reply.body ?? null
  if (reply.json !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(reply.json)
  }
  if (reply.headers !== undefined) Object.assign(headers, reply.headers)
  if (timing) headers['server-timing'] = serverTiming(scope)
  return new Response(body, { status: reply.status, headers })
}

/** Characters. The message of a query that failed holds the query and its values. */
const maxLogged = 8000

/** `app` is the time outside the database, `db` the time spent waiting for it, both in milliseconds so far. */
export function serverTiming(scope: Scope): string {
  const { ms, statements, rows } = scope.db
  const app = Math.max(0, performance.now() - scope.startedAt - ms)
  return `app;dur=${app.toFixed(3)}, db;dur=${ms.toFixed(3)}, sql;desc="${statements}", rows;desc="${rows}"`
}

/** Any error as the answer it deserves. What is not meant for the caller goes to the scope, for the log. */
export function problemReply(scope: Scope, error: unknown): Reply {
  const problem = problemOf(error)
  const stack =
    problem.kind === 'internal' && error instanceof Error ? error.stack?.slice(0, maxLogged) : undefined
  scope.error = { kind: problem.kind, message: messageOf(error).slice(0, maxLogged), stack }
  return {
    status: problem.status,
    body: JSON.stringify(problemBody(problem, scope.requestId)),
    headers: { ...problem.options.headers, 'content-type': 'application/problem+json' },
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnavailable)
    return new Problem('unavailable', {
      detail: 'The database does not answer',
      headers: { 'retry-after': '5' },
    })
  if (error instanceof DatabaseBusy)
    return new Problem('unavailable', { detail: 'The database is too busy', headers: { 'retry-after': '2' } })
  return new Problem('internal', { detail: 'The error is logged under this request id' })
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message
  return typeof error === 'string' ? error : 'not an Error'
}

/** What pages of other origins may send, and may read besides the body (https://fetch.spec.whatwg.org/#http-cors-protocol). */
const sendable = 'Authorization, Content-Type, Idempotency-Key, If-Match, Traceparent, X-Request-Id'
const readable =
  'Content-Disposition, ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, Traceparent, X-Request-Id'
const methods = 'GET, HEAD, POST, PATCH, DELETE'
const rememberSeconds = '600'

/** The headers of an answer that tell a browser whether the page that asked may read it. */
export type Cors = (incoming: IncomingMessage) => Readonly<Record<string, string>>

/**
 * Lets pages of exactly these origins in. Others get answers without a word of it, which the browser keeps from them.
 * Cookies are never part of it: who calls is told by the token alone.
 */
export function allowOrigins(origins: readonly string[]): Cors {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()))
  if (allowed.size === 0) return () => none
  return ({ method, headers }) => {
    const { origin } = headers
    if (origin === undefined || !allowed.has(origin)) return { vary: 'Origin' }
    const answer = {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': readable,
    }
    const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
    return isPreflight
      ? {
          ...answer,
          'access-control-allow-methods': methods,
          'access-control-allow-headers': sendable,
          'access-control-max-age': rememberSeconds,
        }
      : answer
  }
}

const none = {}
