import { randomFillSync } from 'node:crypto'
import type { QueryScope } from '../db/statement.ts'

/** The caller, as a verified access token names it. */
export interface Principal {
  userId: string
  sessionId: string
}

/** A request's own context. It is passed on by hand, so that no count can end up with another request. */
export interface Scope extends QueryScope {
  readonly requestId: string
  readonly traceId: string
  readonly spanId: string
  /** Whether a tracer upstream or here records this request. */
  sampled: boolean
  readonly startedAt: number
  readonly method: string
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
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/

export interface Arrival {
  method: string
  requestId: string | undefined
  traceparent: string | undefined
  address: string
}

/** A scope for a request that has just arrived: a valid `X-Request-Id` is kept and a valid `traceparent` is joined. */
export function openScope(arrival: Arrival): Scope {
  const parent = arrival.traceparent === undefined ? null : traceparentPattern.exec(arrival.traceparent)
  const startedAt = performance.now()
  const random = randomHex(40)
  return {
    requestId: arrival.requestId !== undefined && requestIdPattern.test(arrival.requestId) ? arrival.requestId : random.slice(0, 32),
    traceId: parent?.[1] ?? random.slice(32, 64),
    spanId: random.slice(64),
    sampled: parent !== null && (Number.parseInt(parent[3] ?? '0', 16) & 1) === 1,
    startedAt,
    deadline: startedAt + requestLimitMs,
    method: arrival.method,
    route: 'unmatched',
    address: arrival.address,
    principal: undefined,
    headers: {},
    error: undefined,
    db: { ms: 0, statements: 0, rows: 0 },
  }
}

const pool = Buffer.alloc(4096)
let used = pool.length

/** `bytes` random bytes as hexadecimal digits, drawn from a pool: a system call for each would show. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}
