import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

/**
 * Reads at most `maxBytes` of a body of one of the media `types`. A larger `Content-Length` is refused before
 * a byte is read, a larger body when it exceeds the limit. Compressed bodies are refused, so none can expand.
 */
export async function readBody<T extends string>(
  incoming: IncomingMessage,
  types: readonly T[],
  maxBytes: number,
): Promise<{ type: T; bytes: Buffer }> {
  const found = parseMediaType(incoming)
  const type = types.find((one) => one === found)
  if (type === undefined)
    throw new Problem('unsupported-media-type', { detail: `The body must be ${types.join(' or ')}` })
  const encoding = incoming.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported-media-type', {
      detail: 'Compressed bodies are not accepted',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes)
  return { type, bytes: await collect(incoming, maxBytes) }
}

/** Reads a JSON body of at most `maxBytes`. */
export async function readJson(incoming: IncomingMessage, maxBytes: number): Promise<unknown> {
  const { bytes } = await readBody(incoming, ['application/json'], maxBytes)
  try {
    const source = utf8.decode(bytes)
    const { excess } = scanJson(source, 0, requestJsonLimits)
    if (excess !== undefined) throw new Problem('invalid', { detail: `The body ${excess}` })
    return JSON.parse(source) as unknown
  } catch (error) {
    if (error instanceof Problem) throw error
    throw new Problem('malformed-request', { detail: 'The body is not JSON in UTF-8' })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

async function collect(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  // The rest of a larger body is not read until the refusal is sent.
  const body: AsyncIterable<Buffer> = incoming.iterator({ destroyOnReturn: false })
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > maxBytes) break
      chunks.push(chunk)
    }
  } catch {
    throw new Problem('malformed-request', { detail: 'The body ended early' })
  }
  if (size > maxBytes) throw bodyTooLarge(maxBytes)
  return Buffer.concat(chunks)
}

/**
 * Without `Connection: close`: closing with unread bytes would reset the connection, often before the sender
 * has read the answer. `discardRemainingBody` reads and discards the rest.
 */
function bodyTooLarge(maxBytes: number): Problem {
  return new Problem('too-large', { detail: `The body may have at most ${maxBytes} bytes` })
}

/** Returns the media type in lower case, without parameters. Refuses a charset other than UTF-8. */
function parseMediaType(incoming: IncomingMessage): string {
  const [type = '', ...parameters] = (incoming.headers['content-type'] ?? '').split(';')
  const charset = parameters.map((one) => /^\s*charset\s*=\s*"?([^"\s]*)/i.exec(one)?.[1]).find(Boolean)
  if (charset !== undefined && !/^utf-?8$/i.test(charset))
    throw new Problem('unsupported-media-type', { detail: 'The body must be in UTF-8' })
  return type.trim().toLowerCase()
}

const byteOrderMarks: Readonly<Record<string, string>> = { fffe: 'utf-16le', feff: 'utf-16be' }

/**
 * The text of a file that a person uploads: in addition to UTF-8, UTF-16 with a byte order mark, as
 * spreadsheets and shells on Windows write it. (vigil reads its files in the same way; the API imports
 * nothing of it.)
 */
export function decodeFile(bytes: Buffer): string {
  const encoding = byteOrderMarks[bytes.toString('hex', 0, 2)] ?? 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    if (encoding !== 'utf-8')
      throw new Problem('malformed-request', { detail: `The file is not ${encoding.toUpperCase()}` })
    throw new Problem('malformed-request', {
      detail:
        `The file is not UTF-8: byte ${findInvalidByte(bytes)} is invalid. ` +
        'Expected UTF-8, or UTF-16 with a byte order mark',
    })
  }
}

/** The offset of the first byte that is not UTF-8: the decoder replaces it by U+FFFD. */
function findInvalidByte(bytes: Buffer): number {
  const text = bytes.toString()
  let offset = 0
  for (let from = 0, at = 0; (at = text.indexOf('\ufffd', from)) !== -1; from = at + 1) {
    offset += Buffer.byteLength(text.slice(from, at))
    // The character itself may be in the file.
    if (bytes.subarray(offset, offset + 3).toString('hex') !== 'efbfbd') break
    offset += 3
  }
  return offset
}

/** What a JSON value may contain to be parsed in one turn of the event loop. */
export interface JsonLimits {
  depth: number
  values: number
}

/** A bulk request of 500 tasks with 20 tags each has 15,000 values. */
const requestJsonLimits: JsonLimits = { depth: 32, values: 50_000 }

/**
 * Measures the JSON value at `start`, without parsing or checking it: where it ends, and how it exceeds the
 * limits. `JSON.parse` of 5 MB of nested arrays blocks the event loop for 1.2 s; this takes 10 ms.
 */
export function scanJson(
  source: string,
  start: number,
  limits: JsonLimits,
): { end: number; excess: string | undefined } {
  let [end, depth, deepest, values] = [start, 0, 0, 1]
  for (; end < source.length; end += 1) {
    const character = source[end]
    if (character === '"') end = findStringEnd(source, end)
    else if (character === '[' || character === '{') {
      depth += 1
      deepest = Math.max(deepest, depth)
      values += 1
    } else if (depth === 0 && (character === ',' || character === ']' || character === '}')) break
    else if (character === ',') values += 1
    else if (character === ']' || character === '}') depth -= 1
  }
  if (deepest > limits.depth)
    return { end, excess: `has ${deepest} levels, expected at most ${limits.depth}` }
  if (values > limits.values)
    return { end, excess: `has ${values} values, expected at most ${limits.values}` }
  return { end, excess: undefined }
}

/** Returns the index of the quote that ends the string which begins at `start`. */
function findStringEnd(source: string, start: number): number {
  for (let end = source.indexOf('"', start + 1); end !== -1; end = source.indexOf('"', end + 1)) {
    let backslashes = 0
    while (source[end - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return end
  }
  return source.length
}

/**
 * How long and how much of an unwanted body is read, so that its sender can read the answer, as web servers
 * do.
 */
const discardLimits = { ms: 5000, bytes: 64 * 1024 * 1024, lookEveryMs: 50 }

/**
 * Reads and discards the rest of a body whose request has been answered, and closes the connection if that
 * takes too long or is too much. Closing with unread bytes would reset the connection, often before the
 * sender has read the answer. The library allows half a second, which is too short for a slow line or a busy
 * machine.
 */
export function discardRemainingBody(incoming: IncomingMessage): void {
  const { socket } = incoming
  if (incoming.complete || socket.destroyed) return
  const mostBytes = socket.bytesRead + discardLimits.bytes
  const endMs = performance.now() + discardLimits.ms
  incoming.resume()
  const timer = setInterval(() => {
    // After a complete body, the connection may already serve the next request.
    if (incoming.complete || socket.destroyed) clearInterval(timer)
    else if (performance.now() > endMs || socket.bytesRead > mostBytes) socket.destroySoon()
  }, discardLimits.lookEveryMs).unref()
}
