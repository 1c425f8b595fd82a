/**
 * The parts of autocannon's HTTP client that the engine builds on; the package's own types leave them out.
 */
declare module 'autocannon/lib/httpClient.js' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'

  export interface ResponseInfo {
    versionMinor: number
    statusCode: number
    /** Names and values in turn. */
    headers: string[]
    shouldKeepAlive: boolean
    upgrade: boolean
  }

  /**
   * Keys of the four hooks are the numbers of `http-parser-js`: kOnHeadersComplete 2, kOnBody 3,
   * kOnMessageComplete 4.
   */
  export interface Parser {
    /** Truthy: the answer has no body, whatever its headers say. */
    2: (info: ResponseInfo) => boolean | void
    3: (chunk: Buffer, start: number, length: number) => void
    4: () => void
    state: string
    /** The line that is not complete yet. */
    line: string
    /** All `connection` headers so far, in lower case. */
    connection: string
    trailers: string[]
    isChunked: boolean
    /** What is left of the body or chunk; null when nothing said how long it is. */
    body_bytes: number | null
    offset: number
    end: number
    initialize: (type: 'RESPONSE') => void
    execute: (chunk: Buffer) => number | Error
    finish: () => Error | undefined
    consumeLine: () => string | undefined
    /** The state that reads a chunk's size. */
    BODY_CHUNKHEAD: () => void
  }

  /** What the client keeps of the requests that are under way. */
  export interface RequestsQueue {
    insertRequest: (request: unknown) => void
    addByteCount: (count: number) => void
    setHeaders: (info: ResponseInfo) => void
    addBody: (chunk: Buffer) => void
    terminateRequest: () => FinishedRequest
    clear: () => void
  }

  export interface FinishedRequest {
    req: unknown
    headers: { statusCode: number; headers: string[] }
    body: string
    bytes: number
    /** Milliseconds. */
    duration: number
  }

  export interface ClientOptions {
    hostname: string
    port: number
    protocol: string
    /** Seconds. */
    timeout: number
    requests: object[]
    setupClient: (client: Client) => void
  }

  export default class Client extends EventEmitter<{
    response: [status: number, bytes: number, durationMs: number]
    timeout: []
  }> {
    constructor(options: ClientOptions)
    conn: Socket
    parser: Parser
    pipelinedRequests: RequestsQueue
    /** Milliseconds. */
    timeout: number
    timeoutTicker: { reschedule: (ms: number) => void }
    destroyed: boolean
    _connect: () => void
    _doRequest: () => void
    _destroyConnection: () => void
    getRequestBuffer: () => Buffer | string
    destroy: () => void
  }
}
