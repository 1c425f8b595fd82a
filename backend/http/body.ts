import type { IncomingMessage } from 'node:http'
import { Problem } from './respond.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads at most `maxBytes` of a body. A larger `Content-Length` is refused before a byte is read, a larger
 * body when it exceeds the limit. Compressed bodies are refused, so none can expand.
 */
export async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = incoming.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported-media-type', {
      detail: 'Compressed bodies are not accepted',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes)
  return collect(incoming, maxBytes)
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
    incoming.once('aborted', () =>
      reject(new Problem('malformed-request', { detail: 'The body ended early' })),
    )
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
export function parseMediaType(incoming: IncomingMessage): string {
  const [type = '', ...parameters] = (incoming.headers['content-type'] ?? '').split(';')
  for (const parameter of parameters) {
    const [name, value] = parameter.split('=')
    const charset =
      name?.trim().toLowerCase() === 'charset' ? value?.trim().replaceAll('"', '').toLowerCase() : 'utf-8'
    if (charset !== 'utf-8' && charset !== 'utf8')
      throw new Problem('unsupported-media-type', { detail: 'The body must be in UTF-8' })
  }
  return type.trim().toLowerCase()
}

export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new Problem('malformed-request', { detail: 'The body is not UTF-8' })
  }
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

export function parseJson(bytes: Uint8Array): unknown {
  const source = decodeText(bytes)
  try {
    return JSON.parse(source) as unknown
  } catch {
    throw new Problem('malformed-request', { detail: 'The body is not JSON' })
  }
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
