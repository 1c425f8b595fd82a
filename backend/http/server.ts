import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { clientAddress } from './address.ts'
import type { Bindings } from './app.ts'
import { allowOrigins, problemReply, respond } from './respond.ts'
import type { Cors } from './respond.ts'
import { linger } from './body.ts'
import { Problem, problemBody } from './problem.ts'
import type { ProblemKind } from './problem.ts'
import { randomHex } from '../db/ids.ts'
import { openScope } from './scope.ts'
import type { Scope } from './scope.ts'

/** Told of every connection and request, for metrics, logs and traces. */
export interface ServerObserver {
  connectionOpened(): void
  connectionClosed(): void
  requestStarted(scope: Scope): void
  /** `status` is 499 when the caller went away before the answer was sent. */
  requestDone(scope: Scope, status: number, seconds: number): void
  /** Refused by the parser, before there was a request. */
  refused(status: number, requestId: string, address: string): void
}

/** Milliseconds. A caller that sends its request slower than this is cut off with 408. */
export const arrivalLimits = {
  headers: 10_000,
  request: 15_000,
  keepAlive: 65_000,
  idleSocket: 75_000,
  checkEvery: 1000,
}

export interface ServerOptions {
  /** How many proxies in front are believed about the client's address. */
  trustedProxies: number
  /** Origins whose pages may read answers. */
  corsOrigins?: readonly string[]
  limits?: typeof arrivalLimits
}

/** A server, not yet listening, for what `app` gives at the time of a request: it differs while the service starts. */
export function createHttpServer(
  app: () => Hono<{ Bindings: Bindings }>,
  observer: ServerObserver,
  options: ServerOptions,
): Server {
  const { trustedProxies, limits = arrivalLimits } = options
  const cors = allowOrigins(options.corsOrigins ?? [])
  const scopes = new WeakMap<IncomingMessage, Scope>()
  let arriving: Scope | undefined
  const listener = getRequestListener(
    (request, env) => {
      // Only HTTP/1.1 is served; the library's type allows for HTTP/2.
      // oxlint-disable-next-line no-unsafe-type-assertion
      const { incoming, outgoing } = env as Omit<Bindings, 'scope'>
      return app().fetch(request, {
        incoming,
        outgoing,
        scope: scopes.get(incoming) ?? scopeOf(incoming, trustedProxies, cors),
      })
    },
    {
      // What is left of a body is ours to pass over.
      autoCleanupIncoming: false,
      // Called before the application is, for a target or Host that makes no URL.
      errorHandler: (error) => {
        const scope =
          arriving ?? openScope({ method: 'GET', requestId: undefined, traceparent: undefined, address: '' })
        return respond(
          scope,
          problemReply(
            scope,
            new Problem('malformed-request', {
              detail: 'The request target or Host is not valid',
              reason: String(error),
            }),
          ),
          false,
        )
      },
    },
  )
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: limits.headers,
      requestTimeout: limits.request,
      keepAliveTimeout: limits.keepAlive,
      connectionsCheckingInterval: limits.checkEvery,
    },
    (incoming, outgoing) => {
      const scope = scopeOf(incoming, trustedProxies, cors)
      scopes.set(incoming, scope)
      observe(scope, incoming, outgoing, observer)
      arriving = scope
      void listener(incoming, outgoing)
      arriving = undefined
    },
  )
  server.maxRequestsPerSocket = 0
  // The server's and not each socket's own, which it would switch off with the first request after a pause.
  server.timeout = limits.idleSocket
  server.on('connection', (socket: Socket) => {
    observer.connectionOpened()
    socket.once('close', () => observer.connectionClosed())
  })
  server.on('clientError', (error: Error & { code?: string }, socket: Socket) =>
    refuse(error, socket, observer),
  )
  return server
}

function scopeOf(incoming: IncomingMessage, trustedProxies: number, cors: Cors): Scope {
  const { headers } = incoming
  const scope = openScope({
    method: incoming.method ?? 'GET',
    requestId: single(headers['x-request-id']),
    target: incoming.url,
    traceparent: single(headers['traceparent']),
    tracestate: single(headers['tracestate']),
    address: clientAddress(incoming.socket.remoteAddress, headers['x-forwarded-for'], trustedProxies),
  })
  Object.assign(scope.headers, cors(incoming))
  return scope
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}

function observe(
  scope: Scope,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  observer: ServerObserver,
): void {
  observer.requestStarted(scope)
  outgoing.once('close', () => {
    const status = outgoing.writableFinished ? outgoing.statusCode : 499
    observer.requestDone(scope, status, (performance.now() - scope.startedAt) / 1000)
    if (!incoming.complete && !incoming.socket.destroyed) linger(incoming)
  })
}

const parserProblems: Readonly<Record<string, [ProblemKind, number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['timeout', 408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 431, 'Request Header Fields Too Large'],
}

// There is no request to answer to, only a socket.
function refuse(error: Error & { code?: string }, socket: Socket, observer: ServerObserver): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [kind, status, reason] = parserProblems[error.code ?? ''] ?? ['malformed-request', 400, 'Bad Request']
  const requestId = randomHex(16)
  const body = JSON.stringify(
    problemBody(new Problem(kind, { detail: 'The request could not be read' }), requestId),
  )
  observer.refused(status, requestId, clientAddress(socket.remoteAddress, undefined, 0))
  const head = `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/problem+json\r\nx-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
  socket.end(head + body, () => socket.destroy())
}
