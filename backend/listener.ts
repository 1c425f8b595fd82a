import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/**
 * How long load balancers have to notice the stop, new requests may still arrive, and active ones may still
 * take.
 */
const drainMs = { notice: 1000, arrive: 500, finish: 5000 } as const

export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog: 2048 }, () => {
      server.off('error', reject)
      const address = server.address()
      if (address === null || typeof address === 'string')
        reject(new Error(`listening on ${address ?? 'no address'}, expected a port`))
      else resolve(address)
    })
  })
}

/**
 * Ends the server without resetting a connection. For a moment it continues as before, so that load balancers
 * see that it is not ready. Then it accepts no new connections, and answers on open ones until their callers
 * have closed them.
 */
export async function drain(server: Server, immediately: boolean): Promise<void> {
  const connections = immediately
    ? 0
    : await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  if (connections > 0) await delay(drainMs.notice)
  await waitForIdleTurn(server)
  // Not earlier: callers would reconnect repeatedly until one of them finds the port closed.
  server.prependListener('request', (_request, response) => {
    response.shouldKeepAlive = false
  })
  // The HTTP server's own `close` would also end connections whose first request has not arrived completely.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  if (connections > 0) await Promise.race([closed, delay(drainMs.arrive)])
  server.closeIdleConnections()
  await Promise.race([closed, delay(drainMs.finish)])
  server.closeAllConnections()
}

/**
 * Waits for a turn of the event loop without a new connection, immediately after the kernel's queue was
 * emptied: closing the port resets connections that still wait in that queue. At most 200 ms.
 */
async function waitForIdleTurn(server: Server): Promise<void> {
  const deadline = performance.now() + 200
  let hasConnected = true
  const note = (): void => {
    hasConnected = true
  }
  server.on('connection', note)
  while (hasConnected && performance.now() < deadline) {
    hasConnected = false
    await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setImmediate(resolve))
  }
  server.off('connection', note)
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
