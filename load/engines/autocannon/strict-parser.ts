import type { Parser, ResponseInfo } from 'autocannon/lib/httpClient.js'
import type { FailureClass } from '../../../record/index.ts'
import type { CurrentExchange } from './answer.ts'

/**
 * autocannon reads answers with `http-parser-js`, which trusts them: it takes any line for the size of a
 * chunk and `-5` for a length (and then reads the same bytes again, for ever), and keeps a line or trailers
 * of any length. A target must not be able to hang or fill the load process, so what it takes too lightly is
 * looked at here.
 */

const longestLine = 64 * 1024
const mostTrailers = 200

/** How a connection refuses the answer that is being read. `refuse` returns true: it has no body. */
export interface Refusal {
  refuse: (failure: FailureClass, message: string) => true
  isRefused: () => boolean
}

/** Makes a connection's parser refuse what is not one complete answer of a limited size. */
export function hardenParser(
  parser: Parser,
  exchange: CurrentExchange,
  { refuse, isRefused }: Refusal,
): void {
  const [headersComplete, body, complete] = [parser[2], parser[3], parser[4]]
  readChunkSizesStrictly(parser)
  readHeadersAsLatin1(parser)
  parser[2] = (info) => {
    headersComplete(info)
    const { isHead } = exchange
    // Without a length the parser expects the body to end with the connection, also where there is none.
    if (isHead && info.versionMinor > 0 && !parser.connection.includes('close')) info.shouldKeepAlive = true
    const framing = framingProblem(parser, info)
    if (framing !== undefined) return refuse('connect', framing)
    const oversize = isHead ? undefined : exchange.sizeProblem(parser.body_bytes ?? 0)
    return oversize === undefined ? isHead : refuse('check', oversize)
  }
  parser[3] = (chunk, start, length) => {
    body(chunk, start, length)
    const oversize = exchange.sizeProblem(0)
    if (oversize !== undefined) refuse('check', oversize)
  }
  parser[4] = () => {
    if (isRefused()) return
    // 100 Continue, 103 Early Hints: the answer is yet to come.
    if ((exchange.info?.statusCode ?? 0) < 200) return
    // Bytes after an answer would be read as the answer to the next request.
    if (parser.offset < parser.end) refuse('connect', 'the target sent more than one answer to a request')
    else complete()
  }
}

/** Makes the parser refuse a chunk whose size is no size. */
function readChunkSizesStrictly(parser: Parser): void {
  parser.BODY_CHUNKHEAD = () => {
    const line = parser.consumeLine()
    if (line === undefined) return
    const size = chunkSize(line)
    // The parser hands what is thrown here back from `execute`.
    if (size === undefined) throw new Error('the size of a chunk is no number')
    parser.body_bytes = size
    parser.state = size === 0 ? 'BODY_CHUNKTRAILERS' : 'BODY_CHUNK'
  }
}

/**
 * Bytes beyond ASCII in headers come as Latin-1, as every HTTP client has them; the parser's own way cuts off
 * their eighth bit.
 */
function readHeadersAsLatin1(parser: Parser): void {
  Object.assign(parser.constructor, { encoding: 'latin1' })
}

/**
 * Hexadecimal, with an extension behind a semicolon or none (RFC 9112, 7.1); undefined when it is not that.
 */
export function chunkSize(line: string): number | undefined {
  const size = /^([0-9a-f]{1,12})[ \t]*(?:;|$)/i.exec(line)?.[1]
  return size === undefined ? undefined : Number.parseInt(size, 16)
}

/** Why the body of an answer cannot be read by its headers, or undefined. */
function framingProblem(parser: Parser, info: ResponseInfo): string | undefined {
  if (info.statusCode === 101 || info.upgrade) return 'the target switched to another protocol'
  const length = parser.body_bytes
  if (length !== null)
    return Number.isSafeInteger(length) && length >= 0 ? undefined : 'the content-length is no number'
  if (parser.isChunked) return undefined
  // Without either the body ends with the connection, but not when its encoding is one we cannot see the end
  // of.
  const encoded = info.headers.some(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'transfer-encoding',
  )
  return encoded ? 'a transfer-encoding other than chunked' : undefined
}

/** What has grown too long within an answer that is not complete, or undefined. */
export function lengthProblem(parser: Parser): string | undefined {
  if (parser.line.length > longestLine) return 'a line of the answer is endless'
  return parser.trailers.length > mostTrailers ? 'the answer has too many trailers' : undefined
}
