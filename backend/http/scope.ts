import { randomBytes } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Hono } from 'hono'
import type { TimingVariables } from 'hono/timing'
import type { QueryScope, StartSpan } from '../db/statement.ts'

/** The caller that a verified access token identifies. */
export interface Principal {
  userId: string
  sessionId: string
}

/**
 * What the layers below the routes know of a request. It is passed explicitly, so that no count can be
 * attributed to another request.
 */
export interface Scope extends QueryScope {
  readonly requestId: string
  /** Tracing replaces these ids before they are used. */
  traceId: string
  spanId: string
  /** Whether a tracer upstream or here records this request. */
  sampled: boolean
  readonly startedAt: number
  /** Extended by a fault that delays the request. */
  deadline: number
  /** The caller's span in the trace. */
  readonly parent: RemoteParent | undefined
  /** The span of the request, if tracing records it. */
  requestSpan: { end: (status: number) => void } | undefined
  span: StartSpan | undefined
  readonly method: string
  /** The path and query as the caller sent them. */
  readonly target: string
  /** The route's pattern, never the path: it is a metric label. */
  route: string
  readonly address: string
  principal: Principal | undefined
  /** Headers that rate limits add to the answer. */
  readonly headers: Record<string, string>
  /** The error, for the log line of the request. */
  error: { kind: string; message: string; stack?: string | undefined } | undefined
}

export interface AppEnv {
  /** `refusal`: why the server does not pass this request to a route, a `Problem`. */
  Bindings: HttpBindings & { refusal?: Error | undefined }
  Variables: TimingVariables & { scope: Scope }
}

export type App = Hono<AppEnv>

const requestLimitMs = 4500

const requestIdPattern = /^[A-Za-z0-9._~:@=+/-]{1,128}$/
/**
 * Version 00 has exactly 55 characters; additions of later versions are ignored
 * (https://www.w3.org/TR/trace-context/).
 */
const traceparentPattern =
  /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** In characters. A longer value is dropped, as the standard allows. */
const maxTracestate = 512

/** The span of a caller that sent `traceparent`. */
export interface RemoteParent {
  traceId: string
  spanId: string
  sampled: boolean
  tracestate: string | undefined
}

type RequestHead = Pick<Scope, 'method' | 'address'> &
  Partial<Record<'target' | 'requestId' | 'traceparent' | 'tracestate', string | undefined>>

/** Creates the scope of a new request. Keeps a valid `X-Request-Id` and joins a valid `traceparent`. */
export function createScope(head: RequestHead): Scope {
  const { method, address, target = '/', requestId = '', traceparent = '', tracestate } = head
  const parent = parseTraceparent(traceparent, tracestate)
  const startedAt = performance.now()
  const random = randomHex(40)
  return {
    requestId: requestIdPattern.test(requestId) ? requestId : random.slice(0, 32),
    traceId: parent?.traceId ?? random.slice(32, 64),
    spanId: random.slice(64),
    sampled: parent?.sampled ?? false,
    parent,
    requestSpan: undefined,
    span: undefined,
    startedAt,
    deadline: startedAt + requestLimitMs,
    method,
    target,
    route: 'unmatched',
    address,
    principal: undefined,
    headers: {},
    error: undefined,
    db: { ms: 0, statements: 0, rows: 0 },
  }
}

/**
 * Parses the caller's span. A malformed `traceparent` counts as absent, and `tracestate` is meaningless
 * without it.
 */
export function parseTraceparent(
  traceparent: string,
  tracestate: string | undefined,
): RemoteParent | undefined {
  const [, traceId, spanId, flags] = traceparentPattern.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1
  const bounded = (tracestate?.length ?? 0) <= maxTracestate ? tracestate : undefined
  return { traceId, spanId, sampled: isSampled, tracestate: bounded }
}

export function formatTraceparent(span: Pick<Scope, 'traceId' | 'spanId' | 'sampled'>): string {
  return `00-${span.traceId}-${span.spanId}-${span.sampled ? '01' : '00'}`
}

let pool = Buffer.alloc(0)

/**
 * `bytes` random bytes as hexadecimal digits, from a pool: one system call for each id would be measurable.
 */
export function randomHex(bytes: number): string {
  if (pool.length < bytes) pool = randomBytes(4096)
  const digits = pool.toString('hex', 0, bytes)
  pool = pool.subarray(bytes)
  return digits
}
