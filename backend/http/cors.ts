import type { IncomingMessage } from 'node:http'

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
