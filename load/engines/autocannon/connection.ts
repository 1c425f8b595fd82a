/* oxlint-disable no-underscore-dangle -- autocannon names its client's methods so */
import type { Socket } from 'node:net'
import Client from 'autocannon/lib/httpClient.js'
import type { FailureClass } from '../../../record/index.ts'
import { findLocalErrorCode, startConnecting, toRequestFailure } from '../../../journeys/client/index.ts'
import type { Address } from '../../../journeys/index.ts'
import { CurrentExchange } from './answer.ts'
import { hardenParser, lengthProblem } from './strict-parser.ts'

/** Decides what is sent over a connection and receives each result. */
export interface RequestSource {
  /** Whether to send another request now. Called between requests; `false` closes the connection for good. */
  wantsRequest: () => boolean
  /** A request begins now, with connecting if there is no connection. */
  beginRequest: () => void
  /** The request to send, or undefined when it cannot be sent: then it has ended. */
  nextRequest: () => OutgoingRequest | undefined
  /** @param latencyMs with connecting, which took `connectMs`; undefined if a kept connection was used */
  onAnswer: (
    status: number,
    rawHeaders: readonly string[],
    body: readonly Buffer[],
    latencyMs: number,
    connectMs: number | undefined,
  ) => void
  /** No valid answer came. `own` is the error code when this machine could not send the request. */
  onFailure: (failure: FailureClass, message: string, own?: string) => void
}

export interface OutgoingRequest {
  /** Text is ASCII. */
  text: string | Buffer
  isHead: boolean
  keepsBody: boolean
  /** Whether it may be sent again when the target closed its connection without a byte of an answer. */
  isResendable: boolean
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
  readonly #ip: string | undefined
  readonly #exchanger: RequestSource
  readonly #closed: () => void
  readonly #sendNow: () => void
  /** Connecting or waiting for an answer, as opposed to resting or closed. */
  #busy = false
  #outgoing: OutgoingRequest | undefined
  /** Whether this connection has answered an earlier request. */
  #isKept = false
  #connectMs = 0
  /** Whether anything was received since the request began. */
  #hasReceived = false
  readonly #requestTimeoutMs: number
  /** The request has been prepared, but not written. */
  #isUnwritten = false
  /** Why the answer that is being read is invalid. */
  #problem: { class: FailureClass; message: string } | undefined
  #restTimer: NodeJS.Timeout | undefined

  /** @param target its address, and the IP address that was chosen for its host name */
  constructor(
    target: { address: Address; ip: string | undefined },
    requestTimeoutMs: number,
    exchanger: RequestSource,
    closed: () => void,
  ) {
    const { address, ip } = target
    this.#address = address
    this.#ip = ip
    this.#requestTimeoutMs = requestTimeoutMs
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
    hardenParser(this.#client.parser, this.#exchange, {
      refuse: (failure, message) => this.#refuse(failure, message),
      isRefused: () => this.#problem !== undefined,
    })
    this.#client.on('response', (status, _bytes, durationMs) => {
      const { info } = this.#exchange
      this.#outgoing = undefined
      const connectMs = this.#isKept ? undefined : this.#connectMs
      this.#exchanger.onAnswer(status, info?.headers ?? [], this.#exchange.body(), durationMs, connectMs)
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
    client.getRequestBuffer = () => this.#outgoing?.text ?? ''
    client.pipelinedRequests = this.#exchange
  }

  /** Called within the parser: the rest of what was received is not read. */
  #refuse(failure: FailureClass, message: string): true {
    this.#problem ??= { class: failure, message }
    this.#client.parser.offset = this.#client.parser.end
    return true
  }

  #connect(): void {
    const client = this.#client
    const socket = startConnecting(this.#address, this.#ip)
    client.conn = socket
    // Requests written as text are ASCII. Sending them as such is cheaper than scanning them for UTF-8.
    socket.setDefaultEncoding('latin1')
    client.parser.initialize('RESPONSE')
    this.#isKept = false
    // A request that is sent again keeps its beginning, and with it the rest of its time.
    const startedAt = performance.now()
    this.#exchange.beganAt ??= startedAt
    client.timeout = this.#timeLeft()
    client.timeoutTicker.reschedule(client.timeout)
    socket.on('error', (error) => {
      if (client.conn === socket && this.#isStale()) return this.#sendAgain()
      const { class: failure, message } = toRequestFailure(error)
      this.#fail(failure, message, findLocalErrorCode(error))
    })
    socket.on('data', (chunk) => this.#read(socket, chunk))
    socket.on('end', () => this.#ended())
    socket.once(this.#address.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      this.#connectMs = performance.now() - startedAt
      if (client.conn === socket && this.#busy) this.#send()
    })
  }

  // After an answer: on the same connection, unless the target closes it.
  #followUp(): void {
    this.#exchange.beganAt = undefined
    if (this.#exchange.info?.shouldKeepAlive === true) {
      this.#isKept = true
      this.#client.timeout = this.#requestTimeoutMs
      return this.#send()
    }
    this.#client._destroyConnection()
    this.#connect()
  }

  #send(): void {
    const outgoing = this.#outgoing ?? this.#exchanger.nextRequest()
    if (outgoing === undefined) {
      this.#client._destroyConnection()
      return this.#rest(restMs)
    }
    this.#outgoing = outgoing
    this.#exchange.isHead = outgoing.isHead
    this.#exchange.keepsBody = outgoing.keepsBody
    this.#hasReceived = false
    if (this.#isKept && !outgoing.isResendable) this.#writeUnlessEnded(outgoing)
    else this.#write()
  }

  #write(): void {
    if (!this.#isKept) this.#client.timeout = this.#timeLeft()
    this.#sendNow()
  }

  #timeLeft(): number {
    const { beganAt } = this.#exchange
    const spentMs = beganAt === undefined ? 0 : performance.now() - beganAt
    return Math.max(1, this.#requestTimeoutMs - spentMs)
  }

  /**
   * Writes a request that cannot be sent again one turn of the event loop later, when an end of the
   * connection that came with the answer before is known. Longer would cost load.
   */
  #writeUnlessEnded(outgoing: OutgoingRequest): void {
    const { conn } = this.#client
    this.#isUnwritten = true
    setImmediate(() => {
      if (this.#client.conn !== conn || this.#outgoing !== outgoing || !this.#busy) return
      this.#isUnwritten = false
      this.#write()
    })
  }

  /** Whether the connection ended before the request under way could have had any effect. */
  #isStale(): boolean {
    if (!this.#busy || !this.#isKept || this.#hasReceived) return false
    return this.#isUnwritten || this.#outgoing?.isResendable === true
  }

  #sendAgain(): void {
    this.#isUnwritten = false
    this.#client._destroyConnection()
    this.#connect()
  }

  #read(socket: Socket, chunk: Buffer): void {
    const client = this.#client
    if (client.conn !== socket || !this.#busy) return
    this.#hasReceived = true
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
    if (this.#isStale()) return this.#sendAgain()
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

  #forgetRequest(): void {
    this.#outgoing = undefined
    this.#exchange.beganAt = undefined
    this.#isUnwritten = false
  }

  #rest(ms: number): void {
    this.#busy = false
    this.#forgetRequest()
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
