import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { decodeProtobuf } from './otlp-decode.ts'

/*
 * An OTLP/HTTP receiver in its own process, for tests. Stores traces and metrics sent as protobuf or JSON,
 * and returns them as JSON at /received. `PUT /behaviour` makes it misbehave. Prints `{"port":…}` when it
 * listens.
 */
type Behaviour = 'good' | 'failing' | 'silent' | 'dripping' | 'garbage'

interface Received {
  path: string
  contentType: string
  headers: Record<string, unknown>
  request: unknown
}

let behaviour: Behaviour = 'good'
let received: Received[] = []
let attempts = 0

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const { url = '', method } = request
  if (url === '/behaviour') {
    behaviour = body.toString() as Behaviour
    response.writeHead(204).end()
  } else if (url === '/received') {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ attempts, received }))
    if (method === 'DELETE') received = []
  } else if (url === '/v1/traces' || url === '/v1/metrics') {
    attempts += 1
    if (behaviour === 'good') receive(url, request, body, response)
    else misbehave(behaviour, response)
  } else response.writeHead(404).end()
}

function receive(
  path: '/v1/traces' | '/v1/metrics',
  { headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): void {
  const contentType = headers['content-type'] ?? ''
  const plain = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  try {
    const request: unknown =
      contentType === 'application/json' ? JSON.parse(plain.toString()) : decodeProtobuf(path, plain)
    received.push({ path, contentType, headers, request })
    response
      .writeHead(200, { 'content-type': contentType })
      .end(contentType === 'application/json' ? '{}' : '')
  } catch (error) {
    response.writeHead(400).end(String(error))
  }
}

function misbehave(how: Exclude<Behaviour, 'good'>, response: ServerResponse): void {
  switch (how) {
    case 'failing':
      response.writeHead(500, 'Down\twith a very long reason '.repeat(20)).end('no')
      return
    case 'silent':
      return
    case 'dripping': {
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 50)
      response.once('close', () => clearInterval(timer))
      return
    }
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(Buffer.alloc(64 * 1024, 0xff))
  }
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`)
})
