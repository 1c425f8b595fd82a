import type { Response } from '../../../journeys/index.ts'
import { headersOf, responseOf } from '../../../journeys/client/response.ts'

/**
 * A response as journeys see it, from what the connection read. Most checks look at the status alone: headers and text
 * are only made when they are looked at.
 */
export class LazyResponse implements Response {
  readonly status: number
  readonly #rawHeaders: readonly string[]
  readonly #chunks: readonly Buffer[]
  #made: Response | undefined

  constructor(status: number, rawHeaders: readonly string[], chunks: readonly Buffer[]) {
    this.status = status
    this.#rawHeaders = rawHeaders
    this.#chunks = chunks
  }

  get headers(): Record<string, string> {
    return this.#whole().headers
  }

  get json(): unknown {
    return this.#whole().json
  }

  get text(): string {
    return this.#whole().text
  }

  #whole(): Response {
    this.#made ??= responseOf(this.status, headersOf(this.#rawHeaders), decodeBody(this.#chunks))
    return this.#made
  }
}

function decodeBody(chunks: readonly Buffer[]): string {
  const [only] = chunks
  if (only === undefined) return ''
  return (chunks.length === 1 ? only : Buffer.concat(chunks)).toString('utf8')
}
