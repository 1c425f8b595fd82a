import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An HTTP endpoint for Prometheus. */
export interface Endpoint {
  /** With the port in use. */
  url: string
  close: () => Promise<void>
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
/** Prometheus needs one or two. More connections come from another client. */
const maxConnections = 32
const requestTimeoutMs = 5000

/**
 * Serves metrics at `/metrics` until closed. Refuses slow requests, other paths and other methods. Rejects
 * with the system's error if the port is not available.
 *
 * @param port 0 selects a free port
 */
export async function serveMetrics(
  host: string,
  port: number,
  text: () => Promise<string>,
): Promise<Endpoint> {
  const server = createServer(
    {
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 8192,
    },
    (request, response) => {
      request.resume()
      if ((request.url ?? '').split('?')[0] !== '/metrics') refuse(response, 404, 'metrics are at /metrics\n')
      else if (request.method !== 'GET' && request.method !== 'HEAD')
        refuse(response.setHeader('allow', 'GET, HEAD'), 405, 'metrics can only be read\n')
      else void answer(response, text, request.method === 'HEAD')
    },
  )
  server.maxConnections = maxConnections
  await listen(server, host, port)
  const address = server.address()
  const hostname = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${hostname}:${isAddress(address) ? address.port : port}/metrics`,
    close: async () => close(server),
  }
}

async function answer(
  response: ServerResponse,
  text: () => Promise<string>,
  headOnly: boolean,
): Promise<void> {
  try {
    const body = await text()
    response
      .writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' })
      .end(headOnly ? undefined : body)
  } catch {
    refuse(response, 500, 'metrics could not be collected\n')
  }
}

function refuse(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      // A broken connection is the client's problem and must not end the scheduler.
      server.on('error', () => undefined)
      resolve()
    })
  })
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
