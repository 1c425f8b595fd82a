import { performance } from 'node:perf_hooks'
import { Agent } from 'undici'
import type { Dispatcher } from 'undici'
import type { Response, WireRequest } from '../index.ts'
import type { FailureClass } from '../../record/index.ts'
import { addressOf, requestHeaders, requestTarget, wireProblem } from './address.ts'
import type { Address } from './address.ts'
import { failureOf } from './failure.ts'
import { headersOf, responseOf } from './response.ts'

export interface SendLimits {
  /** From the first byte of connecting to the last of the body. */
  timeoutMs: number
  maxBodyBytes: number
  signal: AbortSignal
}

/** An answer of any status, a redirect too; or where on its way the request failed. Interrupted is `failed`: look at the signal. */
export type SendResult =
  | { state: 'answered'; response: Response; durationMs: number }
  | { state: 'failed'; class: FailureClass; message: string; durationMs: number }

/**
 * Sends one request as it is: no redirect is followed, no cookie kept, nothing tried twice, certificates checked, every
 * size and time bounded. Never throws for what the target does.
 *
 * @param dispatcher where connections are kept for later requests; without one this request has a connection of its own
 */
export async function sendRequest(
  baseUrl: string,
  request: WireRequest,
  limits: SendLimits,
  dispatcher?: Dispatcher,
): Promise<SendResult> {
  const began = performance.now()
  const since = (): number => performance.now() - began
  const problem = wireProblem(request)
  if (problem !== undefined) return { state: 'failed', class: 'check', message: problem, durationMs: since() }
  const agent = dispatcher ?? connections(1)
  const deadline = AbortSignal.timeout(Math.max(1, Math.ceil(limits.timeoutMs)))
  try {
    const response = await exchange(
      agent,
      addressOf(baseUrl),
      request,
      limits,
      AbortSignal.any([deadline, limits.signal]),
    )
    return typeof response === 'string'
      ? { state: 'failed', class: 'check', message: response, durationMs: since() }
      : { state: 'answered', response, durationMs: since() }
  } catch (error) {
    return { state: 'failed', ...whatWentWrong(error, limits, deadline), durationMs: since() }
  } finally {
    if (dispatcher === undefined) await agent.destroy()
  }
}

/** Connections to keep for several requests; `destroy()` closes them. */
export function connections(most: number): Dispatcher {
  // The caller's time limit is the only one.
  return new Agent({
    connections: most,
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
    path: requestTarget(address, request.path),
    headers: requestHeaders(address, request.headers),
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
  return responseOf(
    answer.statusCode,
    headersOf(rawHeaders(answer.headers)),
    Buffer.concat(chunks).toString('utf8'),
  )
}

// Raw headers are a flat list of names and values, which undici's types do not say.
function rawHeaders(headers: unknown): string[] {
  return Array.isArray(headers) ? headers.map(String) : []
}

function whatWentWrong(
  error: unknown,
  limits: SendLimits,
  deadline: AbortSignal,
): { class: FailureClass; message: string } {
  if (limits.signal.aborted) return { class: 'timeout', message: 'interrupted before the answer came' }
  if (deadline.aborted)
    return { class: 'timeout', message: `no complete answer within ${limits.timeoutMs} ms` }
  return failureOf(error)
}
