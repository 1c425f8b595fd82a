import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A place that Prometheus scrapes. */
export interface Endpoint {
  /** With the port that was really taken. */
  url: string
  close: () => Promise<void>
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
/** Prometheus needs one or two connections; more come from another client. */
const mostConnections = 32
const slowestMs = 5000

/**
 * Serves metrics at `/metrics` until closed. A client that sends slowly, wants another path, or uses another
 * method is refused. Rejects with the system's error when the port cannot be had.
 *
 * @param port 0 takes any that is free
 */
export async function serveMetrics(
  host: string,
  port: number,
  text: () => Promise<string>,
): Promise<Endpoint> {
  const server = createServer(
    {
      headersTimeout: slowestMs,
      requestTimeout: slowestMs,
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
  server.maxConnections = mostConnections
  await listen(server, host, port)
  const address = server.address()
  const urlHost = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${urlHost}:${isAddress(address) ? address.port : port}/metrics`,
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
      // A connection that breaks is the other side's; it must not end the scheduler.
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
