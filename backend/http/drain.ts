import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'

/**
 * How long load balancers have to notice the stop, and answers request to disconnect while the port is open.
 * The port closes after `quiet` without a connection or request, at the latest after `close`. Then new
 * requests may `arrive`, and active ones `finish`.
 */
const drainMs = { notice: 1000, farewell: 250, quiet: 100, close: 500, arrive: 500, finish: 4600 } as const

/**
 * What a round of the event loop counts at most. A machine that pauses the process for longer has given it no
 * time to accept and read what arrived in the meantime.
 */
const roundMs = 5

/**
 * Ends the server without resetting a connection. For a moment it continues as before, so that load balancers
 * see that it is not ready. Then each answer has `Connection: close`, also for callers that use a connection
 * for each request. Then it accepts no new connections, and answers on open ones until their callers have
 * closed them. `immediately`: does not wait for callers.
 */
export async function drain(server: Server, immediately: boolean): Promise<void> {
  // Also without a connection: a caller may be between two of them.
  if (!immediately) await setTimeout(drainMs.notice)
  const requests = countRequests(server)
  if (!immediately) await setTimeout(drainMs.farewell)
  const closed = await closePort(server, requests)
  if (!immediately) await Promise.race([closed.event, letArrive()])
  server.closeIdleConnections()
  await Promise.race([closed.event, setTimeout(drainMs.finish)])
  server.closeAllConnections()
}

/**
 * Counts the requests from now on that are not answered, and closes their connections after their answers.
 */
function countRequests(server: Server): () => number {
  let active = 0
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
    active += 1
    response.once('close', () => (active -= 1))
  })
  return () => active
}

/**
 * Closes the port. The kernel resets connections that it has established and the server has not accepted, of
 * which there were 14 to 23 at saturation. So the server first accepts connections without reading from them,
 * until it has answered all other requests and has nothing else to do between accepting the last connection
 * and closing the port.
 */
async function closePort(server: Server, requests: () => number): Promise<{ event: Promise<void> }> {
  const accepted: Socket[] = []
  const hold = (socket: Socket): void => {
    accepted.push(socket)
    // The HTTP server resumes it in the next tick.
    process.nextTick(() => socket.pause())
  }
  server.on('connection', hold)
  let last = performance.now()
  for (let quiet = 0, waited = 0; quiet < drainMs.quiet && waited < drainMs.close;) {
    const before = accepted.length
    // From one check phase of the event loop to the next: in between, it accepts one that is waiting.
    await setImmediate()
    const now = performance.now()
    const round = Math.min(now - last, roundMs)
    last = now
    waited += round
    // Callers that were answered connect again: without this pause, the port would close as they do.
    quiet = requests() > 0 || accepted.length > before ? 0 : quiet + round
  }
  // The HTTP server's own `close` would also end connections whose first request has not arrived completely.
  const event = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  server.off('connection', hold)
  for (const socket of accepted) socket.resume()
  return { event }
}

/** Waits for requests on open connections, and has read all that has arrived when it ends. */
async function letArrive(): Promise<void> {
  await setTimeout(drainMs.arrive)
  // A timer that is late comes before reading.
  await setImmediate()
}
