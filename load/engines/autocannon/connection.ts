/* oxlint-disable no-underscore-dangle -- autocannon names its client's methods so */
import { connect as connectPlain, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import Client from 'autocannon/lib/httpClient.js'
import type { FailureClass } from '../../../record/index.ts'
import { failureOf, ownCode } from '../../../journeys/client/failure.ts'
import type { Address } from '../../../journeys/client/address.ts'
import { CurrentExchange } from './exchange.ts'
import {
  framingProblem,
  lengthProblem,
  readChunkSizesStrictly,
  readHeadersAsLatin1,
} from './strict-parser.ts'

/** Who decides what goes over a connection and hears what came of it. */
export interface RequestSource {
  /** Another request is wanted now. Called between requests; `false` closes the connection for good. */
  wantsRequest: () => boolean
  /** A request begins here: with connecting, where there is no connection. */
  beginRequest: () => void
  /** What is to be sent, or undefined when it cannot be: then that request is over. */
  nextRequest: () => OutgoingRequest | undefined
  onAnswer: (
    status: number,
    rawHeaders: readonly string[],
    body: readonly Buffer[],
    latencyMs: number,
  ) => void
  /** No answer, or none that is one. `own` is the error code when it was this machine that could not ask. */
  onFailure: (failure: FailureClass, message: string, own?: string) => void
}

export interface OutgoingRequest {
  /** Text is ASCII. */
  text: string | Buffer
  isHead: boolean
  keepsBody: boolean
}

/**
 * How long a connection rests after a request that broke. A target that has been killed refuses at once: without a rest each
 * connection would make tens of thousands of errors a second, and those would be all that the error rate says.
 */
export const restMs = 20

/**
 * One connection kept busy by autocannon's own HTTP client: a request, its answer, at once the next.
 *
 * The client is driven from its class, not through `autocannon()`, whose options and events cannot do without this: it never
 * checks certificates, connects again without a pause when a connection is refused, counts no error when one is closed
 * before its answer, writes the next request to a connection the target has said it will close, takes what is no HTTP for
 * silence, and reads bodies of any size. What it does well is left to it: writing, timing, the clock of the time limit, the
 * parser and its events.
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
  /** What is wrong with the answer that is being read. */
  #problem: { class: FailureClass; message: string } | undefined
  #rest: NodeJS.Timeout | undefined

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
      setupClient: (client) => this.#takeOver(client),
    })
    this.#sendNow = Client.prototype._doRequest.bind(this.#client)
    this.#guardParser()
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

  /** Ends it at once, whatever is under way. */
  close(): void {
    if (this.#client.destroyed) return
    this.#busy = false
    clearTimeout(this.#rest)
    this.#client.destroy()
    this.#closed()
  }

  // The client connects as soon as it is made, and again by itself after a time limit: here that is ours to do.
  #takeOver(client: Client): void {
    client._connect = () => undefined
    const followUp = (): void => this.#followUp()
    client._doRequest = () => this.#nextOrClose(followUp)
    client.getRequestBuffer = () => this.#outgoing
    client.pipelinedRequests = this.#exchange
  }

  #guardParser(): void {
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
      // What comes behind an answer would be taken for the answer to the next request.
      if (parser.offset < parser.end) this.#refuse('connect', 'the target sent more than the one answer')
      else complete()
    }
  }

  /** Called within the parser: nothing more of what came is read. */
  #refuse(failure: FailureClass, message: string): true {
    this.#problem ??= { class: failure, message }
    this.#client.parser.offset = this.#client.parser.end
    return true
  }

  #connect(): void {
    const client = this.#client
    const socket = open(this.#address)
    client.conn = socket
    // What is written as text is ASCII, which is cheaper to send as such than to look through for UTF-8.
    socket.setDefaultEncoding('latin1')
    client.parser.initialize('RESPONSE')
    client.timeoutTicker.reschedule(client.timeout)
    socket.on('error', (error) => {
      const { class: failure, message } = failureOf(error)
      this.#fail(failure, message, ownCode(error))
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
      return this.#takeRest(restMs)
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
    // The answer was complete and the next request may have gone out: the state is that one's.
    if (client.conn !== socket || !this.#busy) return
    if (this.#problem === undefined && read instanceof Error)
      this.#problem = { class: 'connect', message: `the answer is no HTTP that can be read: ${read.message}` }
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
    this.#takeRest(thenRestMs)
  }

  #takeRest(ms: number): void {
    this.#busy = false
    this.#problem = undefined
    this.#rest = setTimeout(() => this.#nextOrClose(() => this.#connect()), ms)
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
