import { readFileSync } from 'node:fs'
import { Agent, request as sendHttp } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FailureClass } from '../../record/index.ts'
import { findWireProblem, toAddress, toRequestHeaders, toRequestTarget } from '../index.ts'
import type { Address, Response, WireRequest } from '../index.ts'
import { openSocket, orAborted } from './connect.ts'
import type { LookUp } from './connect.ts'
import { BodyError, decodeBody, toHeaders, toResponse, toRequestFailure } from './response.ts'

export interface SendLimits {
  /** From the first byte of connecting to the last of the body. */
  timeoutMs: number
  /** Received, and after decoding. */
  maxBodyBytes: number
  signal: AbortSignal
  /** What the request is for, in its `User-Agent`: `probe`, `metrics`. */
  purpose: string
  /** The answer is complete with its headers: the body is not read. */
  headersOnly?: boolean
}

/**
 * An answer of any status, redirects too; or the failure. An interrupted request is `failed`: check the
 * signal.
 */
export type SendResult =
  | { state: 'ok'; response: Response; durationMs: number }
  | { state: 'failed'; class: FailureClass; message: string; durationMs: number; hasConnected?: boolean }

/**
 * A target that closes a connection after its answer does so a moment later. A request that cannot be sent
 * again must not be written to such a connection, so it waits this long, which is not part of its duration.
 */
const closingMs = 1

/**
 * Sends one request unchanged: it follows no redirect, keeps no cookie, checks certificates, and bounds every
 * size and time. Never throws for what the target does. It sends a request again only if the target closed a
 * kept connection before it began to answer.
 *
 * @param connections keeps connections for later requests; without one, this request opens its own
 */
export async function sendRequest(
  baseUrl: string,
  request: WireRequest,
  limits: SendLimits,
  connections?: Connections,
): Promise<SendResult> {
  if (connections !== undefined && !isResendable(request)) await sleep(closingMs)
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const problem = findWireProblem(request)
  if (problem !== undefined)
    return { state: 'failed', class: 'check', message: problem, durationMs: elapsedMs() }
  const own = connections ?? openConnections(1)
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(limits.timeoutMs)))
  const sent = { hasConnected: false }
  try {
    const signal = AbortSignal.any([deadline, limits.signal])
    const plan = toPlan(toAddress(baseUrl), request, limits, own, signal)
    const response = await exchange(plan, sent)
    return { state: 'ok', response, durationMs: elapsedMs() }
  } catch (error) {
    return { state: 'failed', ...describeError(error, limits, deadline), durationMs: elapsedMs(), ...sent }
  } finally {
    if (connections === undefined) await own.destroy()
  }
}

/** Connections that are kept for several requests. */
export interface Connections {
  agent: Agent
  destroy: () => Promise<void>
}

export interface ConnectionOptions {
  /** The IP address to connect to, if it has been chosen already. */
  ip?: string | undefined
  lookUp?: LookUp
}

/** Opens connections for several requests. `destroy()` closes them. */
export function openConnections(maxConnections: number, options: ConnectionOptions = {}): Connections {
  const agent = new TargetAgent(maxConnections, options)
  return { agent, destroy: async () => agent.destroy() }
}

interface TargetRequestOptions extends RequestOptions {
  address: Address
}

/**
 * Node's pool of connections, which are opened by `openSocket`. A connection belongs to the pool and not to
 * the request for which it was opened: Node may give it to the next one. So opening it ends with the pool.
 */
class TargetAgent extends Agent {
  readonly #options: ConnectionOptions
  readonly #ended = new AbortController()

  constructor(maxConnections: number, options: ConnectionOptions) {
    super({ keepAlive: true, maxSockets: maxConnections, maxFreeSockets: maxConnections })
    this.#options = options
  }

  override destroy(): void {
    this.#ended.abort()
    super.destroy()
  }

  override createConnection(options: TargetRequestOptions, callback?: SocketCallback): undefined {
    void this.#open(options, callback ?? (() => undefined))
  }

  async #open({ address }: TargetRequestOptions, callback: SocketCallback): Promise<void> {
    let socket: Socket
    try {
      socket = await openSocket({ address, signal: this.#ended.signal, ...this.#options })
    } catch (error) {
      // Node ignores the socket when there is an error.
      callback(error instanceof Error ? error : new Error(String(error)), new Socket())
      return
    }
    callback(null, socket)
  }
}

type SocketCallback = (error: Error | null, socket: Duplex) => void

/** One request, everything decided. */
interface ExchangePlan {
  options: TargetRequestOptions
  body: Buffer | undefined
  limits: SendLimits
  signal: AbortSignal
  isResendable: boolean
}

// What frames a message is the client's to write.
const framing = ['content-length', 'transfer-encoding', 'trailer']
// Methods that announce a body even when it is empty.
const announcing = new Set(['POST', 'PUT', 'PATCH'])

function toPlan(
  address: Address,
  request: WireRequest,
  limits: SendLimits,
  { agent }: Connections,
  signal: AbortSignal,
): ExchangePlan {
  const body = request.body === undefined ? undefined : Buffer.from(request.body)
  const headers: Record<string, string> = {
    host: address.host,
    'user-agent': userAgentFor(limits.purpose),
    ...toRequestHeaders(address, request.headers),
  }
  for (const name of framing) delete headers[name]
  if (body !== undefined || announcing.has(request.method))
    headers['content-length'] = String(body?.length ?? 0)
  const options = {
    agent,
    host: address.hostname,
    port: address.port,
    method: request.method,
    path: toRequestTarget(address, request.path),
    headers,
    signal,
    maxHeaderSize: 64 * 1024,
    address,
  }
  return { options, body, limits, signal, isResendable: isResendable(request) }
}

/**
 * Whether a request may be sent again when the target closed its connection without a byte of an answer: the
 * rule of Go's HTTP client, which k6 uses.
 */
export function isResendable({ method, headers }: WireRequest): boolean {
  return (
    ['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method) ||
    headers['idempotency-key'] !== undefined ||
    headers['x-idempotency-key'] !== undefined
  )
}

/** The target closed a kept connection as this request began to use it. */
class StaleConnection extends Error {}

async function exchange(plan: ExchangePlan, sent: { hasConnected: boolean }): Promise<Response> {
  for (;;) {
    try {
      return await exchangeOnce(plan, sent)
    } catch (error) {
      // Each stale connection is gone afterwards, so a fresh one follows.
      if (!(error instanceof StaleConnection)) throw error
    }
  }
}

async function exchangeOnce(plan: ExchangePlan, sent: { hasConnected: boolean }): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const request = sendHttp(plan.options)
  let hasReceived = false
  const receive = (): void => void (hasReceived = true)
  request.once('socket', (socket) => {
    sent.hasConnected = true
    socket.once('data', receive)
    request.once('close', () => socket.removeListener('data', receive))
  })
  request.once('response', (response) => {
    readAnswer(response, plan).then(resolve, (error: Error) => {
      reject(error)
      request.destroy()
    })
  })
  request.once('upgrade', (_response, socket) => {
    socket.destroy()
    reject(new Error('the target switched to another protocol'))
  })
  request.once('error', (error) => {
    const isStale = request.reusedSocket && !hasReceived && !plan.signal.aborted
    reject(isStale && plan.isResendable ? new StaleConnection('stale', { cause: error }) : error)
  })
  request.end(plan.body)
  try {
    // A request that waits for its connection does not end by its signal.
    return await orAborted(promise, plan.signal)
  } finally {
    if (plan.limits.headersOnly) request.destroy()
    swallowLateErrors(request)
  }
}

// A destroyed request may still report why it ended.
function swallowLateErrors(request: ClientRequest): void {
  request.on('error', () => undefined)
}

async function readAnswer(response: IncomingMessage, { limits }: ExchangePlan): Promise<Response> {
  const { maxBodyBytes, headersOnly } = limits
  const headers = toHeaders(response.rawHeaders)
  const status = response.statusCode ?? 0
  if (headersOnly) return toResponse(status, headers, '')
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue
    bytes += chunk.length
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > maxBodyBytes) throw new BodyError(`the body is larger than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  return toResponse(
    status,
    headers,
    decodeBody(Buffer.concat(chunks), headers['content-encoding'], maxBodyBytes),
  )
}

function describeError(
  error: unknown,
  limits: SendLimits,
  deadline: AbortSignal,
): { class: FailureClass; message: string } {
  if (limits.signal.aborted) return { class: 'timeout', message: 'interrupted before the answer arrived' }
  if (deadline.aborted)
    return { class: 'timeout', message: `no complete answer within ${limits.timeoutMs} ms` }
  return error instanceof BodyError ? { class: 'check', message: error.message } : toRequestFailure(error)
}

let version: string | undefined

/** vigil's own version, from its package. */
export function vigilVersion(): string {
  version ??= /"version":\s*"([^"]+)"/.exec(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )?.[1]
  return version ?? 'unknown'
}

/** The `User-Agent` of vigil's requests, by which firewalls and logs recognise them. */
export function userAgentFor(purpose: string): string {
  return `vigil/${vigilVersion()} (${purpose})`
}
