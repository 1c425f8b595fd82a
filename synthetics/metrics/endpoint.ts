import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseAccept } from 'hono/utils/accept'
import type { Accept } from 'hono/utils/accept'
import { protobufType } from '../../runtime/exposition/index.ts'

/** An HTTP endpoint for Prometheus. */
export interface Endpoint {
  /** With the port in use. */
  url: string
  close: () => Promise<void>
}

/** The metrics in each format of Prometheus. */
export interface Formats {
  text: () => Promise<string>
  protobuf: () => Promise<Uint8Array>
}

const contentTypes = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  protobuf: protobufType,
} as const
/** Prometheus needs one or two. More connections come from another client. */
const maxConnections = 32
const requestTimeoutMs = 5000

/**
 * Serves metrics at `/metrics` until closed. Refuses slow requests, other paths and other methods. Rejects
 * with the system's error if the port is not available.
 *
 * @param port 0 selects a free port
 */
export async function serveMetrics(host: string, port: number, formats: Formats): Promise<Endpoint> {
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
      else void answer(request, response, formats)
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

async function answer(request: IncomingMessage, response: ServerResponse, formats: Formats): Promise<void> {
  try {
    const format = selectFormat(request.headers.accept)
    const body = await formats[format]()
    response
      .writeHead(200, { 'content-type': contentTypes[format], 'cache-control': 'no-store', vary: 'accept' })
      .end(request.method === 'HEAD' ? undefined : body)
  } catch {
    refuse(response, 500, 'metrics could not be collected\n')
  }
}

/**
 * Text, unless the client prefers protobuf: as Prometheus does with native histograms on. Others, such as a
 * browser's wildcard, cannot read it.
 */
export function selectFormat(accept: string | undefined): keyof Formats {
  const ranges = parseAccept(accept ?? '')
  const quality = (matches: (range: Accept) => boolean): number =>
    Math.max(0, ...ranges.filter(matches).map(({ q }) => q))
  const protobuf = quality(
    ({ type, params }) =>
      type === 'application/vnd.google.protobuf' &&
      params['proto'] === 'io.prometheus.client.MetricFamily' &&
      params['encoding'] === 'delimited',
  )
  return protobuf > quality(({ type }) => type === 'text/plain') ? 'protobuf' : 'text'
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
