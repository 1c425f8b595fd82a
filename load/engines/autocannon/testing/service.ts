import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createRawServer } from 'node:net'
import type { Server as RawServer, Socket } from 'node:net'

/** A target in this process. */
export interface Target {
  url: string
  /** Ends it now, with all its connections; may be called again. */
  close: () => Promise<void>
}

/** A request as it arrived, whole. */
export interface Arrived {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

/** An HTTP server that reads each request to its end before it answers. */
export async function serve(
  answer: (arrived: Arrived, response: Parameters<RequestListener>[1], index: number) => void,
): Promise<Target> {
  let index = 0
  const server = createServer((request, response) => {
    let body = ''
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (body += chunk))
      .on('end', () => {
        index += 1
        answer(
          { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body },
          response,
          index,
        )
      })
  })
  return listening(server, `http://`, () => server.closeAllConnections())
}

/** A server that speaks no HTTP of its own: `talk` is called for each request's bytes. */
export async function serveRaw(talk: (socket: Socket, chunk: Buffer) => void): Promise<Target> {
  const sockets = new Set<Socket>()
  const server = createRawServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => talk(socket, chunk))
  })
  return listening(server, 'http://', () => {
    for (const socket of sockets) socket.destroy()
  })
}

/** Listens on a port of its own. */
export async function listening(
  server: Server | RawServer,
  scheme: string,
  closeConnections: () => void,
): Promise<Target> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `${scheme}127.0.0.1:${address.port}`,
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      closeConnections()
      await closed
    },
  }
}

/** Talk for `serveRaw`: says `beginning`, then `more` as long as anybody listens. */
export function endless(beginning: string, more: string): (socket: Socket) => void {
  const block = Buffer.from(more.repeat(Math.ceil(65_536 / more.length)), 'latin1')
  return (socket) => {
    const push = (): void => {
      while (!socket.destroyed && socket.write(block));
      if (!socket.destroyed) socket.once('drain', push)
    }
    socket.write(beginning)
    push()
  }
}
