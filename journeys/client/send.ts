import { performance } from 'node:perf_hooks'
import { Agent } from 'undici'
import type { Dispatcher } from 'undici'
import type { FailureClass } from '../../record/index.ts'
import { findWireProblem, toAddress, toRequestHeaders, toRequestTarget } from '../index.ts'
import type { Address, Response, WireRequest } from '../index.ts'
import { toRequestFailure } from './failure.ts'

export interface SendLimits {
  /** From the first byte of connecting to the last of the body. */
  timeoutMs: number
  maxBodyBytes: number
  signal: AbortSignal
}

/**
 * An answer of any status, redirects too; or the failure. An interrupted request is `failed`: check the
 * signal.
 */
export type SendResult =
  | { state: 'ok'; response: Response; durationMs: number }
  | { state: 'failed'; class: FailureClass; message: string; durationMs: number }

/**
 * Sends one request unchanged: it follows no redirect, keeps no cookie, retries nothing, checks certificates,
 * and bounds every size and time. Never throws for what the target does.
 *
 * @param dispatcher keeps connections for later requests; without one, this request opens its own connection
 */
export async function sendRequest(
  baseUrl: string,
  request: WireRequest,
  limits: SendLimits,
  dispatcher?: Dispatcher,
): Promise<SendResult> {
  const startedMs = performance.now()
  const elapsedMs = (): number => performance.now() - startedMs
  const problem = findWireProblem(request)
  if (problem !== undefined)
    return { state: 'failed', class: 'check', message: problem, durationMs: elapsedMs() }
  const agent = dispatcher ?? openConnections(1)
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(limits.timeoutMs)))
  try {
    const response = await exchange(
      agent,
      toAddress(baseUrl),
      request,
      limits,
      AbortSignal.any([deadline, limits.signal]),
    )
    return typeof response === 'string'
      ? { state: 'failed', class: 'check', message: response, durationMs: elapsedMs() }
      : { state: 'ok', response, durationMs: elapsedMs() }
  } catch (error) {
    return { state: 'failed', ...describeError(error, limits, deadline), durationMs: elapsedMs() }
  } finally {
    if (dispatcher === undefined) await agent.destroy()
  }
}

/** Opens connections for several requests. `destroy()` closes them. */
export function openConnections(maxConnections: number): Dispatcher {
  // The only time limit is the caller's.
  return new Agent({
    connections: maxConnections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 0 },
    maxHeaderSize: 64 * 1024,
    allowH2: false,
  })
}

async function exchange(
  agent: Dispatcher,
  address: Address,
  request: WireRequest,
  limits: SendLimits,
  signal: AbortSignal,
): Promise<Response | string> {
  const answer = await agent.request({
    origin: `${address.protocol}//${address.host}`,
    method: request.method,
    path: toRequestTarget(address, request.path),
    headers: toRequestHeaders(address, request.headers),
    body: request.body ?? null,
    responseHeaders: 'raw',
    signal,
  })
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body) {
    if (!(chunk instanceof Uint8Array)) continue
    bytes += chunk.length
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > limits.maxBodyBytes) return `the body is larger than ${limits.maxBodyBytes} bytes`
    chunks.push(chunk)
  }
  return toResponse(
    answer.statusCode,
    toHeaders(rawHeaders(answer.headers)),
    Buffer.concat(chunks).toString('utf8'),
  )
}

// Raw headers are a flat list of names and values, which undici's types do not declare.
function rawHeaders(headers: unknown): string[] {
  return Array.isArray(headers) ? headers.map(String) : []
}

function describeError(
  error: unknown,
  limits: SendLimits,
  deadline: AbortSignal,
): { class: FailureClass; message: string } {
  if (limits.signal.aborted) return { class: 'timeout', message: 'interrupted before the answer arrived' }
  if (deadline.aborted)
    return { class: 'timeout', message: `no complete answer within ${limits.timeoutMs} ms` }
  return toRequestFailure(error)
}

/**
 * Builds the response that journeys receive. It parses JSON at the first access: most checks read only the
 * status, and parsing an unused body would cost the load generator more than sending the request.
 */
export function toResponse(status: number, headers: Record<string, string>, text: string): Response {
  let parsed: { json: unknown } | undefined
  return {
    status,
    headers,
    text,
    get json() {
      parsed ??= { json: parseJson(text) }
      return parsed.json
    },
  }
}

/**
 * Converts a flat list of names and values. Names become lower case, repeated headers are joined by a comma.
 */
export function toHeaders(raw: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    const earlier = headers.get(name)
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return Object.fromEntries(headers)
}

function parseJson(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return json
  } catch {
    return undefined
  }
}
