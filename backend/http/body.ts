import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

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
  return parseJson(bytes)
}

function collect(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBytes) {
        chunks.push(chunk)
        return
      }
      // Drops what was read, and reads no more until the refusal is sent.
      chunks.length = 0
      incoming.removeAllListeners('data')
      incoming.pause()
      reject(bodyTooLarge(maxBytes))
    })
    incoming.once('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    )
    incoming.once('error', () => reject(new Problem('malformed-request', { detail: 'The body ended early' })))
  })
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

const utf16Marks = [
  { encoding: 'utf-16le', first: 0xff, second: 0xfe },
  { encoding: 'utf-16be', first: 0xfe, second: 0xff },
]
const replacement = '\ufffd'

/**
 * The text of a file that a person uploads: in addition to UTF-8, UTF-16 with a byte order mark, as
 * spreadsheets and shells on Windows write it. (vigil reads its files in the same way; the API imports
 * nothing of it.)
 */
export function decodeFile(bytes: Uint8Array): string {
  const mark = utf16Marks.find(({ first, second }) => bytes[0] === first && bytes[1] === second)
  if (mark !== undefined) {
    try {
      return new TextDecoder(mark.encoding, { fatal: true }).decode(bytes)
    } catch {
      throw new Problem('malformed-request', { detail: `The file is not ${mark.encoding.toUpperCase()}` })
    }
  }
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Problem('malformed-request', {
      detail:
        `The file is not UTF-8: byte ${findInvalidByte(bytes)} is invalid. ` +
        'Expected UTF-8, or UTF-16 with a byte order mark',
    })
  }
}

/** The offset of the first byte that is not UTF-8. */
function findInvalidByte(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  const encoded = [0xef, 0xbf, 0xbd]
  let offset = 0
  let from = 0
  for (let at = text.indexOf(replacement); at !== -1; at = text.indexOf(replacement, from)) {
    offset += Buffer.byteLength(text.slice(from, at))
    // The character itself may be in the file.
    if (encoded.some((byte, index) => bytes[offset + index] !== byte)) break
    offset += encoded.length
    from = at + 1
  }
  return offset
}

function parseJson(bytes: Uint8Array): unknown {
  let source: string
  try {
    source = decoder.decode(bytes)
  } catch {
    throw new Problem('malformed-request', { detail: 'The body is not UTF-8' })
  }
  const problem = checkJsonShape(scanJson(source, 0), requestJsonLimits)
  if (problem !== undefined) throw new Problem('invalid', { detail: `The body ${problem}` })
  try {
    return JSON.parse(source) as unknown
  } catch {
    throw new Problem('malformed-request', { detail: 'The body is not JSON' })
  }
}

/** What a JSON value may contain to be parsed in one turn of the event loop. */
export interface JsonLimits {
  depth: number
  values: number
}

/** A bulk request of 500 tasks with 20 tags each has 15,000 values. */
const requestJsonLimits: JsonLimits = { depth: 32, values: 50_000 }

export interface JsonShape extends JsonLimits {
  /** The index of the first character after the value. */
  end: number
}

/**
 * Measures the JSON value at `start`, without parsing or checking it. `JSON.parse` of 5 MB of nested arrays
 * blocks the event loop for 1.2 s; this takes 10 ms.
 */
export function scanJson(source: string, start: number): JsonShape {
  const shape = { depth: 0, values: 1, end: start }
  let depth = 0
  for (; shape.end < source.length; shape.end += 1) {
    const character = source[shape.end]
    if (character === '"') shape.end = findStringEnd(source, shape.end)
    else if (character === '[' || character === '{') {
      depth += 1
      shape.depth = Math.max(shape.depth, depth)
      shape.values += 1
    } else if (depth === 0 && (character === ',' || character === ']' || character === '}')) break
    else if (character === ',') shape.values += 1
    else if (character === ']' || character === '}') depth -= 1
  }
  return shape
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

export function checkJsonShape(shape: JsonLimits, limits: JsonLimits): string | undefined {
  if (shape.depth > limits.depth) return `has ${shape.depth} levels, expected at most ${limits.depth}`
  return shape.values > limits.values
    ? `has ${shape.values} values, expected at most ${limits.values}`
    : undefined
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
  const [bytesBefore, sinceMs] = [socket.bytesRead, performance.now()]
  incoming.resume()
  const timer = setInterval(() => {
    const tooMuch =
      performance.now() - sinceMs > discardLimits.ms || socket.bytesRead - bytesBefore > discardLimits.bytes
    if (!incoming.complete && !socket.destroyed && !tooMuch) return
    clearInterval(timer)
    // After a complete body, the connection may already serve the next request.
    if (!incoming.complete) socket.destroySoon()
  }, discardLimits.lookEveryMs).unref()
}
