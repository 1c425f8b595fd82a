import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createRawServer } from 'node:net'
import type { Server } from 'node:net'

const endings: (() => Promise<unknown>)[] = []

/** Stops the targets of a test; for `afterEach`. */
export async function endTargets(): Promise<void> {
  for (const end of endings.splice(0).toReversed()) await end()
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  endings.push(async () => {
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function')
      server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

/** Starts a service in this process. Returns its URL. */
export async function target(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  return listening(
    createServer((request, response) => {
      let body = ''
      request
        .setEncoding('utf8')
        .on('data', (chunk: string) => (body += chunk))
        .on('end', () => answer(request, response, body))
    }),
  )
}

/** Starts a server that answers any input with these bytes, HTTP or not. Returns its URL. */
export async function raw(words: string, then: 'close' | 'reset' | 'stay' = 'close'): Promise<string> {
  const sockets = new Set<{ destroy: () => void }>()
  const server = createRawServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      if (then === 'close') socket.end(words)
      else socket.write(words, () => (then === 'reset' ? socket.resetAndDestroy() : undefined))
    })
  })
  const url = await listening(server)
  endings.push(async () => {
    for (const socket of sockets) socket.destroy()
  })
  return url
}

/**
 * Starts a server whose connections answer one request and are closed by the next one: it loses the race that
 * a server with a short keep-alive time loses now and then. Returns its URL.
 *
 * @param seen gets the method of each request
 * @param parting sent before a connection is closed
 */
export async function closingOnReuse(seen: string[], parting = ''): Promise<string> {
  const server = createRawServer((socket) => {
    let answered = 0
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      seen.push(chunk.toString().split(' ')[0] ?? '')
      answered += 1
      if (answered > 1) socket.end(parting)
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    })
  })
  return listening(server)
}
