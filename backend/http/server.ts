import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Bindings } from './app.ts'
import {
  createCors,
  buildProblemReply,
  respond,
  Problem,
  buildProblemBody,
  servedMethods,
} from './respond.ts'
import type { CorsHeaders, ProblemKind } from './respond.ts'
import { discardRemainingBody } from './body.ts'
import { randomHex } from '../db/ids.ts'
import { createScope } from './scope.ts'
import type { Scope } from './scope.ts'
import { isIP, isIPv6 } from 'node:net'

/** Receives the events of connections and requests, for metrics, logs and traces. */
export interface ServerObserver {
  connectionOpened: () => void
  connectionClosed: () => void
  requestStarted: (scope: Scope) => void
  /** `status` is 499 if the caller disconnected before the answer was sent. */
  requestDone: (scope: Scope, status: number, seconds: number) => void
  /** The parser refused the bytes, so there was no request. */
  refused: (status: number, requestId: string, address: string) => void
}

/** A caller that sends its request more slowly gets 408. */
export const arrivalLimitsMs = {
  headers: 10_000,
  request: 15_000,
  keepAlive: 65_000,
  idleSocket: 75_000,
  checkEvery: 1000,
}

export interface ServerOptions {
  /** The number of proxies in front that are trusted for the client's address. */
  trustedProxies: number
  /** Origins whose pages may read answers. */
  corsOrigins?: readonly string[]
  limitsMs?: typeof arrivalLimitsMs
}

/**
 * Creates a server that is not listening yet. `app` is called for each request, because the app changes when
 * the service has started.
 */
export function createHttpServer(
  app: () => Hono<{ Bindings: Bindings }>,
  observer: ServerObserver,
  options: ServerOptions,
): Server {
  const { trustedProxies, limitsMs = arrivalLimitsMs } = options
  const cors = createCors(options.corsOrigins ?? [])
  const handle = createListener(app)
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: limitsMs.headers,
      requestTimeout: limitsMs.request,
      keepAliveTimeout: limitsMs.keepAlive,
      connectionsCheckingInterval: limitsMs.checkEvery,
      // `checkHost` refuses with a problem document.
      requireHostHeader: false,
    },
    (incoming, outgoing) => serve(incoming, outgoing, checkHost(incoming)),
  )
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse, refusal: Problem | undefined): void => {
    const scope = createRequestScope(incoming, trustedProxies, cors)
    observeRequest(scope, incoming, outgoing, observer)
    // The library accepts only paths. The scope keeps the target.
    if (incoming.url === '*') incoming.url = '/*'
    if (refusal === undefined) handle(scope, incoming, outgoing)
    else refuse(scope, outgoing, refusal)
  }
  server.on('checkExpectation', (incoming: IncomingMessage, outgoing: ServerResponse) =>
    serve(incoming, outgoing, new Problem('unknown-expectation', { detail: 'Expect may be 100-continue' })),
  )
  // Without a listener, Node closes the connection without an answer.
  server.on('connect', (_incoming: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined)
    const detail = 'This server is not a proxy'
    refuseOnSocket(
      socket,
      new Problem('method-not-allowed', { detail, headers: { allow: servedMethods } }),
      observer,
    )
  })
  server.maxRequestsPerSocket = 0
  // Set on the server: a timeout of the socket would be reset by the first request after a pause.
  server.timeout = limitsMs.idleSocket
  server.on('connection', (socket: Socket) => {
    observer.connectionOpened()
    socket.once('close', () => observer.connectionClosed())
  })
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) =>
    refuseUnparsed(error, socket, observer),
  )
  return server
}

/** Passes requests to the app, with their scopes. */
function createListener(
  app: () => Hono<{ Bindings: Bindings }>,
): (scope: Scope, incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const scopes = new WeakMap<IncomingMessage, Scope>()
  let arriving: Scope | undefined
  const listener = getRequestListener(
    (request, env) => {
      // Only HTTP/1.1 is served; the library's type allows for HTTP/2.
      // oxlint-disable-next-line no-unsafe-type-assertion
      const { incoming, outgoing } = env as Omit<Bindings, 'scope'>
      const scope = scopes.get(incoming) ?? createEmptyScope()
      return app().fetch(request, { incoming, outgoing, scope })
    },
    {
      // For HTTP/1.0 without Host, which load balancers send, and for an empty Host.
      hostname: 'localhost',
      // `discardRemainingBody` handles the rest of a body.
      autoCleanupIncoming: false,
      // Called before the app, for a target or Host that gives no valid URL.
      errorHandler: (error) => {
        const scope = arriving ?? createEmptyScope()
        const problem = new Problem('malformed-request', {
          detail: 'The request target or Host is not valid',
          reason: String(error),
        })
        return respond(scope, buildProblemReply(scope, problem), false)
      },
    },
  )
  return (scope, incoming, outgoing) => {
    scopes.set(incoming, scope)
    arriving = scope
    void listener(incoming, outgoing)
    arriving = undefined
  }
}

function createEmptyScope(): Scope {
  return createScope({ method: 'GET', requestId: undefined, traceparent: undefined, address: '' })
}

function createRequestScope(incoming: IncomingMessage, trustedProxies: number, cors: CorsHeaders): Scope {
  const { headers } = incoming
  const scope = createScope({
    method: incoming.method ?? 'GET',
    requestId: singleValue(headers['x-request-id']),
    target: incoming.url,
    traceparent: singleValue(headers['traceparent']),
    tracestate: singleValue(headers['tracestate']),
    address: resolveClientAddress(incoming.socket.remoteAddress, headers['x-forwarded-for'], trustedProxies),
  })
  Object.assign(scope.headers, cors(incoming))
  return scope
}

function singleValue(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}

function observeRequest(
  scope: Scope,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  observer: ServerObserver,
): void {
  observer.requestStarted(scope)
  outgoing.once('close', () => {
    const status = outgoing.writableFinished ? outgoing.statusCode : 499
    observer.requestDone(scope, status, (performance.now() - scope.startedAt) / 1000)
    if (!incoming.complete && !incoming.socket.destroyed) discardRemainingBody(incoming)
  })
}

/**
 * Refuses what RFC 9112, section 3.2, refuses: HTTP/1.1 without Host, and more than one Host. The library
 * checks its value.
 */
function checkHost({ httpVersionMinor, headers, rawHeaders }: IncomingMessage): Problem | undefined {
  let hosts = 0
  for (let index = 0; headers.host !== undefined && index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  if (hosts === 1 || (hosts === 0 && httpVersionMinor === 0)) return undefined
  return new Problem('malformed-request', { detail: `found ${hosts} Host headers, expected one` })
}

/** Answers a request that the app must not see. */
function refuse(scope: Scope, outgoing: ServerResponse, problem: Problem): void {
  const { status, body, headers } = buildProblemReply(scope, problem)
  const answer = respond(scope, { status, ...(headers && { headers }) }, false)
  outgoing.writeHead(status, Object.fromEntries(answer.headers))
  outgoing.end(body)
}

const parserProblems: Readonly<Record<string, ProblemKind>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'timeout',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
}

function refuseUnparsed(error: Error & { code?: string }, socket: Socket, observer: ServerObserver): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const kind = parserProblems[error.code ?? ''] ?? 'malformed-request'
  refuseOnSocket(socket, new Problem(kind, { detail: 'The request could not be read' }), observer)
}

/** Answers and closes a connection that has no request to answer, only a socket. */
function refuseOnSocket(socket: Socket, problem: Problem, observer: ServerObserver): void {
  const requestId = randomHex(16)
  const body = JSON.stringify(buildProblemBody(problem, requestId))
  observer.refused(problem.status, requestId, resolveClientAddress(socket.remoteAddress, undefined, 0))
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'connection: close',
    'content-type: application/problem+json',
    `x-request-id: ${requestId}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(problem.options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/**
 * Returns the caller's address. Any caller can send `X-Forwarded-For`, so it is read only behind
 * `trustedProxies`. Then the entry of the outermost trusted proxy counts, which is that many from the right.
 */
export function resolveClientAddress(
  peer: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustedProxies: number,
): string {
  const socketAddress = toPlainAddress(peer ?? '')
  if (trustedProxies === 0 || forwardedFor === undefined) return socketAddress
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor)
    .split(',')
    .map((hop) => toPlainAddress(hop.trim()))
  const claimed = hops.at(-trustedProxies) ?? hops[0] ?? ''
  return isIP(claimed) === 0 ? socketAddress : claimed
}

// An IPv4 address on an IPv6 socket.
function toPlainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/**
 * Returns the network that an address counts as. An IPv6 subscriber has a /64 (RFC 6177) and could use
 * another address for each request, so limits count the network.
 */
export function toNetwork(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('%', 1).join('').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => '0')
  const prefix = [...groups, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}
