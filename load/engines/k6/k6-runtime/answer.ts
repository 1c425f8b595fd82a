import type { RefinedResponse, ResponseType } from 'k6/http'
import type { Response } from '../../../../journeys/journey.ts'
import type { ClientLimit, RequestFailureClass } from './wire.ts'

/** Runs inside k6. What k6's response means to a journey, and where on its way a request failed. */

type K6Response = RefinedResponse<ResponseType>

/**
 * The response as journeys see it. Header names and JSON are only made when they are looked at: in k6's runtime they cost
 * more than the request. (So would `#private` fields.)
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
    return typeof body === 'string' ? body : ''
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

/**
 * Where a request failed that got no answer, by k6's error code; its text decides where k6 has no code of its own
 * (1000: an expired certificate, a connection closed before the answer).
 */
export function unansweredFailure(code: number, message: string): RequestFailureClass {
  if (code === 1050 || code === 1211) return 'timeout'
  if (code >= 1100 && code < 1200) return 'dns'
  if (code >= 1300 && code < 1400) return 'tls'
  if (code === 1000 && /\bx509:|\btls:/.test(message)) return 'tls'
  if (code === 1000 && /invalid header|invalid method/.test(message)) return 'check'
  if (code === 1000 && /timeout|deadline exceeded/i.test(message)) return 'timeout'
  return 'connect'
}

/** What this machine had run out of when a request could not be made, if it was that. */
export function clientLimit(message: string): ClientLimit | undefined {
  if (/too many open files/i.test(message)) return 'files'
  if (/cannot assign requested address|address already in use/i.test(message)) return 'ports'
  return undefined
}
