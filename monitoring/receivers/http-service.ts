import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request with its whole body. */
export interface Heard {
  method: string
  /** As it was sent, with its query. */
  path: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Reply {
  status: number
  type: string
  body: string
}

export interface HttpService {
  /** Without a slash at its end. */
  url: string
  stop: () => Promise<void>
}

const mostBytes = 1024 * 1024

/** A small service on a port of this machine, any that is free when it is 0: whole bodies in, one reply out. Larger bodies are refused with 413. */
export async function startHttpService(reply: (heard: Heard) => Reply, port = 0): Promise<HttpService> {
  const server = createServer((request, response) => {
    void serve(request, response, reply)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  reply: (heard: Heard) => Reply,
): Promise<void> {
  const body = await bodyOf(request)
  if (body === undefined) send(response, { status: 413, type: 'text/plain', body: 'too large' })
  else
    send(
      response,
      reply({ method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers, body }),
    )
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue
      bytes += chunk.length
      if (bytes > mostBytes) return undefined
      chunks.push(chunk)
    }
  } catch {
    // The caller went away in the middle: what came is judged as what it is.
  }
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, { status, type, body }: Reply): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body)
}
