import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { resolveClientAddress } from './address.ts'
import { servedMethods } from './app.ts'
import type { RequestObserver } from './app.ts'
import { randomHex } from './scope.ts'
import type { App, AppEnv } from './scope.ts'
import { discardRemainingBody } from './body.ts'
import { buildProblemBody, Problem } from './problem.ts'
import type { ProblemKind } from './problem.ts'

/** Receives the events of connections, for metrics and logs. */
interface ConnectionObserver {
  connectionOpened: () => void
  connectionClosed: () => void
  /** The parser refused the bytes, so there was no request. */
  refused: (status: number, requestId: string, address: string) => void
}

export type ServerObserver = RequestObserver & ConnectionObserver

/** A caller that sends its request more slowly gets 408. */
export const arrivalLimitsMs = {
  headers: 10_000,
  request: 15_000,
  keepAlive: 65_000,
  idleSocket: 75_000,
  checkEvery: 1000,
}

/**
 * Creates a server that is not listening yet. `app` is called for each request, because the app changes when
 * the service has started.
 */
export function createHttpServer(
  app: () => App,
  observer: ConnectionObserver,
  limitsMs = arrivalLimitsMs,
): Server {
  const handle = createListener(app)
  const server = createServer({
    maxHeaderSize: 16_384,
    headersTimeout: limitsMs.headers,
    requestTimeout: limitsMs.request,
    keepAliveTimeout: limitsMs.keepAlive,
    connectionsCheckingInterval: limitsMs.checkEvery,
    // `checkHead` refuses with a problem document.
    requireHostHeader: false,
  })
  server.on('request', handle)
  server.on('checkExpectation', handle)
  // Without a listener, Node closes the connection without an answer.
  server.on('connect', (_incoming: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined)
    const options = { detail: 'This server is not a proxy', headers: { allow: servedMethods } }
    refuseOnSocket(socket, new Problem('method-not-allowed', options), observer)
  })
  // Set on the server: a timeout of the socket would be reset by the first request after a pause.
  server.timeout = limitsMs.idleSocket
  server.on('connection', (socket: Socket) => {
    observer.connectionOpened()
    socket.once('close', () => observer.connectionClosed())
  })
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket: Socket) => {
    if (code === 'ECONNRESET' || !socket.writable) return socket.destroy()
    const kind = parserProblems[code] ?? 'malformed-request'
    return refuseOnSocket(socket, new Problem(kind, { detail: 'The request could not be read' }), observer)
  })
  return server
}

/** Passes requests to the app; with a refusal, the app only answers. */
function createListener(app: () => App): RequestListener {
  let arriving: AppEnv['Bindings'] | undefined
  const listener = getRequestListener((request) => app().fetch(request, arriving), {
    // For HTTP/1.0 without Host, which load balancers send, and for an empty Host.
    hostname: 'localhost',
    // `discardRemainingBody` handles the rest of a body.
    autoCleanupIncoming: false,
    // Called instead of the app, for a target or Host that gives no valid URL.
    errorHandler: (error) => {
      const detail = 'The request target or Host is not valid'
      const refusal = new Problem('malformed-request', { detail, reason: String(error) })
      return app().fetch(new Request('http://localhost/*'), { ...arriving, refusal })
    },
  })
  return (incoming, outgoing) => {
    outgoing.once('close', () => discardRemainingBody(incoming))
    // The library accepts only paths.
    if (incoming.url === '*') incoming.url = '/*'
    // The library calls back before it returns.
    arriving = { incoming, outgoing, refusal: checkHead(incoming) }
    void listener(incoming, outgoing)
    arriving = undefined
  }
}

/**
 * Refuses what RFC 9112, section 3.2, refuses: HTTP/1.1 without Host, and more than one Host. The library
 * checks its value.
 */
function checkHead({ httpVersionMinor, headers, headersDistinct }: IncomingMessage): Problem | undefined {
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return new Problem('unknown-expectation', { detail: 'Expect may be 100-continue' })
  const hosts = headersDistinct['host']?.length ?? 0
  if (hosts === 1 || (hosts === 0 && httpVersionMinor === 0)) return undefined
  return new Problem('malformed-request', { detail: `found ${hosts} Host headers, expected one` })
}

const parserProblems: Readonly<Record<string, ProblemKind>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'timeout',
  HPE_HEADER_OVERFLOW: 'headers-too-large',
}

/** Answers and closes a connection that has no request to answer, only a socket. */
function refuseOnSocket(socket: Socket, problem: Problem, observer: ConnectionObserver): void {
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
