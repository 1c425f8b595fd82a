import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A small service in this process, for tests of the whole command line. */
export interface Service {
  url: string
  /** Requests seen so far. */
  seen: () => number
  close: () => Promise<void>
}

/**
 * It takes two milliseconds to answer, as one with a database does: a closed loop against one that takes none
 * keeps both cores busy, and then its generator is the limit.
 */
export async function startService(
  answer: (request: IncomingMessage, response: ServerResponse, index: number) => void,
  port = 0,
): Promise<Service> {
  let seen = 0
  const server: Server = createServer((request, response) => {
    seen += 1
    const index = seen
    setTimeout(() => {
      request.resume()
      answer(request, response, index)
    }, 2)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: () => seen,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export { freePort } from '../../runtime/services/index.ts'
