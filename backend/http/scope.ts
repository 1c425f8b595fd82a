import { randomHex } from '../db/ids.ts'
import type { QueryScope, StartSpan } from '../db/statement.ts'

/** The caller, as a verified access token names it. */
export interface Principal {
  userId: string
  sessionId: string
}

/** A request's own context. It is passed on by hand, so that no count can end up with another request. */
export interface Scope extends QueryScope {
  readonly requestId: string
  /** Tracing puts its own ids in place of these before anybody has seen them. */
  traceId: string
  spanId: string
  /** Whether a tracer upstream or here records this request. */
  sampled: boolean
  readonly startedAt: number
  /** Moved on by a fault that makes the service slow. */
  deadline: number
  /** The caller's place in its trace. */
  readonly parent: RemoteParent | undefined
  /** Of the request when tracing records it. */
  requestSpan: { end: (status: number) => void } | undefined
  span: StartSpan | undefined
  readonly method: string
  /** What was asked for, path and query, as the caller wrote it. */
  readonly target: string
  /** The route's pattern, never the path: it is a metric label. */
  route: string
  readonly address: string
  principal: Principal | undefined
  /** Sent with the answer whatever it is; filled by rate limits and tracing. */
  readonly headers: Record<string, string>
  /** What went wrong, for the log line of the request. */
  error: { kind: string; message: string; stack?: string | undefined } | undefined
}

/** No request may take longer, whatever it waits for. */
const requestLimitMs = 4500

const requestIdPattern = /^[A-Za-z0-9._~:@=+/-]{1,128}$/
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

/** Characters; what is longer is left out, as the standard allows. */
const maxTracestate = 512

/** A span elsewhere that has called us. */
export interface RemoteParent {
  traceId: string
  spanId: string
  sampled: boolean
  tracestate: string | undefined
}

export interface Arrival {
  method: string
  target?: string | undefined
  requestId: string | undefined
  traceparent: string | undefined
  tracestate?: string | undefined
  address: string
}

/** A scope for a request that has just arrived: a valid `X-Request-Id` is kept and a valid `traceparent` is joined. */
export function openScope(arrival: Arrival): Scope {
  const parent =
    arrival.traceparent === undefined ? undefined : joinTrace(arrival.traceparent, arrival.tracestate)
  const startedAt = performance.now()
  const random = randomHex(40)
  return {
    requestId:
      arrival.requestId !== undefined && requestIdPattern.test(arrival.requestId)
        ? arrival.requestId
        : random.slice(0, 32),
    traceId: parent?.traceId ?? random.slice(32, 64),
    spanId: random.slice(64),
    sampled: parent?.sampled ?? false,
    parent,
    requestSpan: undefined,
    span: undefined,
    startedAt,
    deadline: startedAt + requestLimitMs,
    method: arrival.method,
    target: arrival.target ?? '/',
    route: 'unmatched',
    address: arrival.address,
    principal: undefined,
    headers: {},
    error: undefined,
    db: { ms: 0, statements: 0, rows: 0 },
  }
}

/** The caller's span; a malformed `traceparent` is as good as none, and without it `tracestate` means nothing. */
export function joinTrace(traceparent: string, tracestate: string | undefined): RemoteParent | undefined {
  // Of version 00 this is all there is; what later versions add is left alone (https://www.w3.org/TR/trace-context/).
  if (traceparent.startsWith('00') && traceparent.length !== 55) return undefined
  const [, traceId, spanId, flags] = traceparentPattern.exec(traceparent) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const bounded = tracestate !== undefined && tracestate.length <= maxTracestate ? tracestate : undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, tracestate: bounded }
}

/** `traceparent` as others join it. */
export function traceparentOf({
  traceId,
  spanId,
  sampled,
}: Pick<Scope, 'traceId' | 'spanId' | 'sampled'>): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
