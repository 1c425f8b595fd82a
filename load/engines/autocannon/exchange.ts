import { performance } from 'node:perf_hooks'
import type { FinishedRequest, RequestsQueue, ResponseInfo } from 'autocannon/lib/httpClient.js'

/** Most that is read of a body: in memory where a step looks at it, else only counted. */
export const bodyLimits = { keptBytes: 4 * 1024 * 1024, skippedBytes: 64 * 1024 * 1024 } as const

const request = {}
const nothing = { statusCode: 0, headers: [] as string[] }

/**
 * The one request that is under way on a connection and what has come of its answer: stands in for autocannon's queue of
 * pipelined requests, which puts each body together as text whether or not anybody looks at it, and without a bound.
 */
export class CurrentExchange implements RequestsQueue {
  /** Set before the request is sent: whether the answer's body will be looked at, and whether the answer has one. */
  keepsBody = false
  isHead = false
  /** Undefined before the headers have come. */
  info: ResponseInfo | undefined
  #sentAt = 0
  #bytes = 0
  #chunks: Buffer[] = []

  insertRequest(): void {
    this.clear()
    this.#sentAt = performance.now()
  }

  setHeaders(info: ResponseInfo): void {
    this.info = info
  }

  addBody(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.keepsBody) this.#chunks.push(chunk)
  }

  addByteCount(): void {
    // Only what belongs to a body counts here.
  }

  /** What autocannon hands to its `response` event. The body's text is made when a step looks at it, see `text`. */
  terminateRequest(): FinishedRequest {
    return {
      req: request,
      headers: this.info ?? nothing,
      body: '',
      bytes: this.#bytes,
      duration: performance.now() - this.#sentAt,
    }
  }

  clear(): void {
    this.info = undefined
    this.#bytes = 0
    if (this.#chunks.length > 0) this.#chunks = []
  }

  /** Takes the body as it came; the next request does not touch it. */
  body(): Buffer[] {
    return this.#chunks
  }

  /** What is wrong with the body's size, announced or come, or undefined. */
  sizeProblem(announced: number): string | undefined {
    const limit = this.keepsBody ? bodyLimits.keptBytes : bodyLimits.skippedBytes
    return this.#bytes + announced > limit ? `the body is larger than ${limit} bytes` : undefined
  }
}
