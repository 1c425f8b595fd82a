import type { RefinedResponse, ResponseType } from 'k6/http'
import type { Response } from '../../../../journeys/index.ts'
import type { ClientLimit, RequestFailureClass } from './metrics.ts'

/*
 * Reads k6's responses: as journeys see them, and where on its way a request failed. Runs inside k6 and in
 * Node.
 */

export type K6Response = RefinedResponse<ResponseType>

/**
 * The response as journeys see it. Header names and JSON are made only when they are read: in k6's runtime
 * they cost more than the request.
 */
export class Answer implements Response {
  readonly status: number
  readonly #response: K6Response
  #lowered: Record<string, string> | undefined
  #parsed: { value: unknown } | undefined

  constructor(status: number, response: K6Response) {
    this.status = status
    this.#response = response
  }

  get headers(): Record<string, string> {
    this.#lowered ??= Object.fromEntries(
      Object.entries(this.#response.headers).map(([name, value]) => [name.toLowerCase(), value]),
    )
    return this.#lowered
  }

  get text(): string {
    const { body } = this.#response
    if (typeof body !== 'string') return ''
    // As in the other engines, a byte order mark is no part of the text.
    return body.charCodeAt(0) === 0xfe_ff ? body.slice(1) : body
  }

  get json(): unknown {
    this.#parsed ??= { value: parse(this.text) }
    return this.#parsed.value
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How the problem of an answer begins whose body is larger than the other engines read. */
export const largeBodyProblem = 'the body is larger than'

/**
 * Classifies a request that was not answered by k6's error code. Its text decides where k6 has no code of its
 * own (1000: an expired certificate, a connection closed before the answer).
 */
export function classifyUnanswered(code: number, message: string): RequestFailureClass {
  if (code === 1050 || code === 1211) return 'timeout'
  if (code >= 1100 && code < 1200) return 'dns'
  if (code >= 1300 && code < 1400) return 'tls'
  // The body is not what its `content-encoding` says.
  if (code === 1701) return 'check'
  if (code === 1000 && /\bx509:|\btls:/.test(message)) return 'tls'
  if (code === 1000 && /invalid header|invalid method/.test(message)) return 'check'
  if (code === 1000 && /timeout|deadline exceeded/i.test(message)) return 'timeout'
  return 'connect'
}

/**
 * The resource that this machine had run out of when a request could not be sent; undefined for any other
 * failure.
 */
export function findClientLimit(message: string): ClientLimit | undefined {
  if (/too many open files/i.test(message)) return 'files'
  if (/cannot assign requested address|address already in use/i.test(message)) return 'ports'
  return undefined
}

/**
 * The bytes of a body, −1 when unknown. A text's length is not its bytes, but it is the same for the same
 * answer, which is what counts.
 */
export function countBytes(response: K6Response): number {
  const length = response.headers['Content-Length']
  if (length !== undefined && /^\d{1,12}$/.test(length)) return Number(length)
  return typeof response.body === 'string' ? response.body.length : -1
}

/**
 * The trace that an answer's `traceparent` names (W3C Trace Context), if its `sampled` flag says that it is
 * recorded.
 */
export function findRecordedTrace(traceparent: string | undefined): string | undefined {
  const [, traceId, flags = ''] =
    /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/.exec(traceparent ?? '') ?? []
  return (Number.parseInt(flags, 16) & 1) === 1 ? traceId : undefined
}
