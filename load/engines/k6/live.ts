import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { metricNames } from './k6-runtime/wire.ts'

/** What k6 has counted so far, warm-up and all. */
export interface LiveCounts {
  requests: number
  /** Measured requests that failed. */
  failed: number
  dropped: number
}

export interface LiveReader {
  /** Undefined when k6 does not answer in time; the load comes first. */
  read: () => Promise<LiveCounts | undefined>
  close: () => void
}

const limitMs = 800
const maxBytes = 64 * 1024

/**
 * Reads counters from k6's REST API, while it runs. Counters alone: to tell a percentile k6 would have to sort all
 * latencies so far, each time.
 *
 * @param address host and port
 */
export function liveReader(address: string): LiveReader {
  const agent = new Agent({ keepAlive: true, maxSockets: 3 })
  const count = async (metric: string): Promise<number> =>
    countIn(await body(`http://${address}/v1/metrics/${metric}`, agent))
  return {
    read: async () => {
      try {
        const [requests, failed, dropped] = await Promise.all([
          count(metricNames.requests),
          count(metricNames.failed),
          count(metricNames.dropped),
        ])
        return { requests, failed, dropped }
      } catch {
        return undefined
      }
    },
    close: () => agent.destroy(),
  }
}

async function body(url: string, agent: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = get(url, { agent, signal: AbortSignal.timeout(limitMs) }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > maxBytes) response.destroy(new Error('too much'))
    })
    response.on('end', () => resolve(text))
    response.on('error', reject)
  })
  request.on('error', reject)
  return promise
}

// A metric that has no sample yet is not found, which is an answer too: `{"errors": …}`.
function countIn(text: string): number {
  const count = /"sample":\s*\{[^}]*"count":\s*([\d.e+]+)/.exec(text)?.[1]
  return count === undefined ? 0 : Number(count)
}

/** A loopback address that was free a moment ago. k6 cannot choose one itself, so its caller must be ready to find it taken. */
export async function freeAddress(): Promise<string> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() =>
      resolve(`127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`),
    )
  })
  return promise
}
