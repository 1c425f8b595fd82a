import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The body as bytes, at most `maxBytes`. A body that says it is larger is refused before a byte is read, one that turns
 * out larger as soon as it does; compressed bodies are refused, so nothing can unfold.
 */
export async function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = incoming.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported-media-type', {
      detail: 'Compressed bodies are not accepted',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
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
      // Nothing more is kept, and nothing more read until the refusal is sent.
      chunks.length = 0
      incoming.removeAllListeners('data')
      incoming.pause()
      reject(tooLarge(maxBytes))
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
 * Without `Connection: close`: closed at once with bytes unread, the connection would be reset, often before the sender
 * has read why. What still comes is passed over (`linger`).
 */
function tooLarge(maxBytes: number): Problem {
  return new Problem('too-large', { detail: `The body may have at most ${maxBytes} bytes` })
}

/** The media type in lower case, without its parameters; a charset other than UTF-8 is refused. */
export function mediaType(incoming: IncomingMessage): string {
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

export function parseJson(bytes: Uint8Array): unknown {
  const source = decodeText(bytes)
  try {
    return JSON.parse(source) as unknown
  } catch {
    throw new Problem('malformed-request', { detail: 'The body is not JSON' })
  }
}

/** How much longer we read what is not wanted, so that its sender comes to read the answer. As web servers do; in a loop a look is cheap. */
const limits = { ms: 5000, bytes: 64 * 1024 * 1024, lookEveryMs: 50 }

/**
 * Passes over the rest of a body whose request has been answered, and closes the connection when that takes too long or is too
 * much. Closed at once, with bytes unread, it would be reset, often before the sender has read why; half a second, which the
 * library allows, is not enough for a slow line or a busy machine.
 */
export function linger(incoming: IncomingMessage): void {
  const { socket } = incoming
  const [bytesBefore, sinceMs] = [socket.bytesRead, performance.now()]
  incoming.resume()
  const timer = setInterval(() => {
    const tooMuch = performance.now() - sinceMs > limits.ms || socket.bytesRead - bytesBefore > limits.bytes
    if (!incoming.complete && !socket.destroyed && !tooMuch) return
    clearInterval(timer)
    // Complete, it may serve the next request already.
    if (!incoming.complete) socket.destroySoon()
  }, limits.lookEveryMs).unref()
}
