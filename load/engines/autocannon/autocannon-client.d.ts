/** The parts of autocannon's HTTP client that the engine builds on; the package's own types leave them out. */
declare module 'autocannon/lib/httpClient.js' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'

  export interface ResponseInfo {
    statusCode: number
    /** Names and values in turn. */
    headers: string[]
    shouldKeepAlive: boolean
    upgrade: boolean
  }

  /** Keys of the four hooks are the numbers of `http-parser-js`: kOnHeadersComplete 2, kOnBody 3, kOnMessageComplete 4. */
  export interface Parser {
    2: (info: ResponseInfo) => boolean | void
    3: (chunk: Buffer, start: number, length: number) => void
    4: () => void
    state: string
    line: string
    connection: string
    trailers: string[]
    headerSize: number
    body_bytes: number | null
    offset: number
    end: number
    initialize: (type: 'RESPONSE') => void
    execute: (chunk: Buffer) => number | Error
    finish: () => Error | undefined
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
    duration: number
  }

  export interface ClientOptions {
    hostname: string
    port: number
    protocol: string
    requests: object[]
    setupClient: (client: Client) => void
  }

  export default class Client extends EventEmitter {
    constructor(options: ClientOptions)
    conn: Socket
    parser: Parser
    pipelinedRequests: RequestsQueue
    timeout: number
    destroyed: boolean
    _connect: () => void
    _doRequest: () => void
    _destroyConnection: () => void
    getRequestBuffer: () => Buffer | string
    destroy: () => void
  }
}
