import type { IncomingMessage } from 'node:http'

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
