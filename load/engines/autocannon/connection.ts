/* oxlint-disable no-underscore-dangle -- autocannon names its client's methods so */
import { connect as connectPlain, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Client from 'autocannon/lib/httpClient.js'
import type { FailureClass } from '../../../record/index.ts'
import { toRequestFailure, findLocalErrorCode } from '../../../journeys/client/index.ts'
import type { Address } from '../../../journeys/index.ts'
import { CurrentExchange } from './answer.ts'
import {
  framingProblem,
  lengthProblem,
  readChunkSizesStrictly,
  readHeadersAsLatin1,
} from './strict-parser.ts'

/** Decides what is sent over a connection and receives each result. */
export interface RequestSource {
  /** Whether to send another request now. Called between requests; `false` closes the connection for good. */
  wantsRequest: () => boolean
  /** A request begins now, with connecting if there is no connection. */
  beginRequest: () => void
  /** The request to send, or undefined when it cannot be sent: then it has ended. */
  nextRequest: () => OutgoingRequest | undefined
  onAnswer: (
    status: number,
    rawHeaders: readonly string[],
    body: readonly Buffer[],
    latencyMs: number,
  ) => void
  /** No valid answer came. `own` is the error code when this machine could not send the request. */
  onFailure: (failure: FailureClass, message: string, own?: string) => void
}

export interface OutgoingRequest {
  /** Text is ASCII. */
  text: string | Buffer
  isHead: boolean
  keepsBody: boolean
}

/**
 * How long a connection rests after a failed request. A killed target refuses immediately: without a rest
 * each connection would make tens of thousands of errors a second, and the error rate would consist of
 * nothing else.
 */
export const restMs = 20

/**
 * One connection kept busy by autocannon's own HTTP client: a request, its answer, immediately the next
 * request.
 *
 * The client is driven through its class, not through `autocannon()` (docs/adr/0007). The client alone never
 * checks certificates, reconnects without a pause when a connection is refused, counts no error when one is
 * closed before its answer, writes the next request to a connection that the target has announced to close,
 * treats invalid HTTP as silence, and reads bodies of any size. It keeps what it does well: writing, timing,
 * the time limit, the parser and its events.
 */
export class Connection {
  readonly #client: Client
  readonly #exchange = new CurrentExchange()
  readonly #address: Address
  readonly #exchanger: RequestSource
  readonly #closed: () => void
  readonly #sendNow: () => void
  /** Connecting or waiting for an answer, as opposed to resting or closed. */
  #busy = false
  #outgoing: string | Buffer = ''
  /** Why the answer that is being read is invalid. */
  #problem: { class: FailureClass; message: string } | undefined
  #restTimer: NodeJS.Timeout | undefined

  constructor(address: Address, requestTimeoutMs: number, exchanger: RequestSource, closed: () => void) {
    this.#address = address
    this.#exchanger = exchanger
    this.#closed = closed
    const { hostname, port, protocol } = address
    this.#client = new Client({
      hostname,
      port,
      protocol,
      timeout: requestTimeoutMs / 1000,
      requests: [{}],
      setupClient: (client) => this.#replaceMethods(client),
    })
    this.#sendNow = Client.prototype._doRequest.bind(this.#client)
    this.#hardenParser()
    this.#client.on('response', (status, _bytes, durationMs) => {
      const { info } = this.#exchange
      this.#exchanger.onAnswer(status, info?.headers ?? [], this.#exchange.body(), durationMs)
    })
    this.#client.on('timeout', () => {
      if (this.#busy) this.#fail('timeout', `no complete answer within ${requestTimeoutMs} ms`, undefined, 0)
    })
  }

  start(): void {
    this.#nextOrClose(() => this.#connect())
  }

  /** Ends the connection now, and the request under way with it. */
  close(): void {
    if (this.#client.destroyed) return
    this.#busy = false
    clearTimeout(this.#restTimer)
    this.#client.destroy()
    this.#closed()
  }

  // The client would connect when it is created, and again after a time limit. Here this class decides when
  // to connect.
  #replaceMethods(client: Client): void {
    client._connect = () => undefined
    const followUp = (): void => this.#followUp()
    client._doRequest = () => this.#nextOrClose(followUp)
    client.getRequestBuffer = () => this.#outgoing
    client.pipelinedRequests = this.#exchange
  }

  #hardenParser(): void {
    const { parser } = this.#client
    const [headersComplete, body, complete] = [parser[2], parser[3], parser[4]]
    readChunkSizesStrictly(parser)
    readHeadersAsLatin1(parser)
    parser[2] = (info) => {
      headersComplete(info)
      const { isHead } = this.#exchange
      // Without a length the parser expects the body to end with the connection, also where there is none.
      if (isHead && info.versionMinor > 0 && !parser.connection.includes('close')) info.shouldKeepAlive = true
      const framing = framingProblem(parser, info)
      if (framing !== undefined) return this.#refuse('connect', framing)
      const oversize = isHead ? undefined : this.#exchange.sizeProblem(parser.body_bytes ?? 0)
      return oversize === undefined ? isHead : this.#refuse('check', oversize)
    }
    parser[3] = (chunk, start, length) => {
      body(chunk, start, length)
      const oversize = this.#exchange.sizeProblem(0)
      if (oversize !== undefined) this.#refuse('check', oversize)
    }
    parser[4] = () => {
      if (this.#problem !== undefined) return
      // 100 Continue, 103 Early Hints: the answer is yet to come.
      if ((this.#exchange.info?.statusCode ?? 0) < 200) return
      // Bytes after an answer would be read as the answer to the next request.
      if (parser.offset < parser.end)
        this.#refuse('connect', 'the target sent more than one answer to a request')
      else complete()
    }
  }

  /** Called within the parser: the rest of what was received is not read. */
  #refuse(failure: FailureClass, message: string): true {
    this.#problem ??= { class: failure, message }
    this.#client.parser.offset = this.#client.parser.end
    return true
  }

  #connect(): void {
    const client = this.#client
    const socket = open(this.#address)
    client.conn = socket
    // Requests written as text are ASCII. Sending them as such is cheaper than scanning them for UTF-8.
    socket.setDefaultEncoding('latin1')
    client.parser.initialize('RESPONSE')
    client.timeoutTicker.reschedule(client.timeout)
    socket.on('error', (error) => {
      const { class: failure, message } = toRequestFailure(error)
      this.#fail(failure, message, findLocalErrorCode(error))
    })
    socket.on('data', (chunk) => this.#read(socket, chunk))
    socket.on('end', () => this.#ended())
    socket.once(this.#address.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      if (client.conn === socket && this.#busy) this.#send()
    })
  }

  // After an answer: on the same connection, unless the target closes it.
  #followUp(): void {
    if (this.#exchange.info?.shouldKeepAlive === true) return this.#send()
    this.#client._destroyConnection()
    this.#connect()
  }

  #send(): void {
    const outgoing = this.#exchanger.nextRequest()
    if (outgoing === undefined) {
      this.#client._destroyConnection()
      return this.#rest(restMs)
    }
    this.#outgoing = outgoing.text
    this.#exchange.isHead = outgoing.isHead
    this.#exchange.keepsBody = outgoing.keepsBody
    this.#sendNow()
  }

  #read(socket: Socket, chunk: Buffer): void {
    const client = this.#client
    if (client.conn !== socket || !this.#busy) return
    const read = client.parser.execute(chunk)
    // The answer was complete and the next request may have been sent: the state belongs to that one.
    if (client.conn !== socket || !this.#busy) return
    if (this.#problem === undefined && read instanceof Error)
      this.#problem = { class: 'connect', message: `the answer is invalid HTTP: ${read.message}` }
    const long = lengthProblem(client.parser)
    if (long !== undefined) this.#problem ??= { class: 'connect', message: long }
    if (this.#problem !== undefined) this.#fail(this.#problem.class, this.#problem.message)
  }

  #ended(): void {
    const { conn } = this.#client
    // A body without a length is complete when the connection ends.
    this.#client.parser.finish()
    if (this.#client.conn === conn && this.#busy)
      this.#fail('connect', 'connection closed before the answer was complete')
  }

  #fail(failure: FailureClass, message: string, own?: string, thenRestMs = restMs): void {
    if (!this.#busy || this.#client.destroyed) return
    this.#client._destroyConnection()
    this.#exchanger.onFailure(failure, message, own)
    this.#rest(thenRestMs)
  }

  #rest(ms: number): void {
    this.#busy = false
    this.#problem = undefined
    this.#restTimer = setTimeout(() => this.#nextOrClose(() => this.#connect()), ms)
  }

  #nextOrClose(next: () => void): void {
    if (this.#client.destroyed) return
    if (!this.#exchanger.wantsRequest()) return this.close()
    this.#busy = true
    this.#exchanger.beginRequest()
    next()
  }
}

function open({ protocol, hostname, port }: Address): Socket {
  const options = { host: hostname, port, noDelay: true }
  if (protocol === 'http:') return connectPlain(options)
  // No server name for an address: TLS knows only names there.
  return connectTls({
    ...options,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(hostname) === 0 && { servername: hostname }),
  })
}
