import { performance } from 'node:perf_hooks'
import type { FinishedRequest, RequestsQueue, ResponseInfo } from 'autocannon/lib/httpClient.js'
import { decodeBody, toHeaders, toResponse } from '../../../journeys/client/index.ts'
import type { Response } from '../../../journeys/index.ts'

/** How much of a body is read: kept in memory if a step inspects it, otherwise only counted. */
export const bodyLimits = { keptBytes: 4 * 1024 * 1024, skippedBytes: 64 * 1024 * 1024 } as const

const request = {}
const noResponse = { statusCode: 0, headers: [] as string[] }

/**
 * The one request under way on a connection and what has been received of its answer. Replaces autocannon's
 * queue of pipelined requests, which joins each body as text even if no step inspects it, and without a
 * limit.
 */
export class CurrentExchange implements RequestsQueue {
  /**
   * Set before the request is sent: whether a step inspects the answer's body, and whether the answer has
   * one.
   */
  keepsBody = false
  isHead = false
  /** Undefined until the headers are complete. */
  info: ResponseInfo | undefined
  /**
   * When the request began, in monotonic milliseconds. Set before it is sent if that was earlier: connecting
   * is a part of what a user waits for.
   */
  beganAt: number | undefined
  #bytes = 0
  #chunks: Buffer[] = []

  insertRequest(): void {
    this.clear()
    this.beganAt ??= performance.now()
  }

  setHeaders(info: ResponseInfo): void {
    this.info = info
  }

  addBody(chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.keepsBody) this.#chunks.push(chunk)
  }

  addByteCount(): void {
    // Only the bytes of a body count here.
  }

  /**
   * The arguments of autocannon's `response` event. `LazyResponse` decodes the body when a step inspects it.
   */
  terminateRequest(): FinishedRequest {
    return {
      req: request,
      headers: this.info ?? noResponse,
      body: '',
      bytes: this.#bytes,
      duration: performance.now() - (this.beganAt ?? 0),
    }
  }

  clear(): void {
    this.info = undefined
    this.#bytes = 0
    if (this.#chunks.length > 0) this.#chunks = []
  }

  /** The body as received; the next request does not change it. */
  body(): Buffer[] {
    return this.#chunks
  }

  /** Why the body is too large, by its announced or its received size, or undefined. */
  sizeProblem(announced: number): string | undefined {
    const limit = this.keepsBody ? bodyLimits.keptBytes : bodyLimits.skippedBytes
    return this.#bytes + announced > limit ? `the body is larger than ${limit} bytes` : undefined
  }
}

/**
 * A response as journeys see it. Most checks inspect the status alone, so headers and text are decoded on
 * first use.
 */
export class LazyResponse implements Response {
  readonly status: number
  readonly #rawHeaders: readonly string[]
  readonly #chunks: readonly Buffer[]
  #decoded: Response | undefined

  constructor(status: number, rawHeaders: readonly string[], chunks: readonly Buffer[]) {
    this.status = status
    this.#rawHeaders = rawHeaders
    this.#chunks = chunks
  }

  get headers(): Record<string, string> {
    return this.#decode().headers
  }

  get json(): unknown {
    return this.#decode().json
  }

  get text(): string {
    return this.#decode().text
  }

  #decode(): Response {
    this.#decoded ??= this.#read()
    return this.#decoded
  }

  #read(): Response {
    const headers = toHeaders(this.#rawHeaders)
    const [only] = this.#chunks
    const body = only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks)
    const text = decodeBody(body, headers['content-encoding'], bodyLimits.keptBytes)
    return toResponse(this.status, headers, text)
  }
}
