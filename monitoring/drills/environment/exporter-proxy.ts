import { createServer } from 'node:http'
import { callApi } from '../observation/apis.ts'
import type { ApiResponse } from '../observation/apis.ts'

/**
 * Forwards the metrics of an exporter, with values that a drill replaces: for faults that would harm the
 * machine, such
 * as a full memory.
 */
export interface ExporterProxy {
  /** `127.0.0.1:port`, to be scraped in place of the exporter. */
  address: string
  /** Sets metrics to these values in all their series. Adds a missing metric. Returns how to end that. */
  set: (values: Readonly<Record<string, number>>) => () => void
  /** Changes the metrics before they are forwarded. */
  rewrite: (change: (exposition: string) => string) => void
  /** Adds the lines of another exporter that contain this text. Returns how to end that. */
  addLinesFrom: (exporterUrl: string, containing: string) => () => void
  stop: () => Promise<void>
}

/**
 * The age up to which a response is forwarded, and the age up to which it is while a newer one is fetched.
 */
interface CacheAges {
  freshMs: number
  staleMs: number
}

/** Exporters are made for a request every 15 s, not four a second, and some read all of /proc for each. */
const infrequent: CacheAges = { freshMs: 1000, staleMs: 4000 }
/**
 * A scrape that may take 10 s in production may take a sixth of a second here, but the processor is not
 * faster: a
 * process that pauses for a moment is not down.
 */
export const frequent: CacheAges = { freshMs: 100, staleMs: 3000 }

interface OtherExporter {
  read: () => Promise<ApiResponse>
  containing: string
}

export async function startExporterProxy(
  exporterUrl: string,
  signal: AbortSignal,
  ages = infrequent,
): Promise<ExporterProxy> {
  const createReader = (url: string): OtherExporter['read'] =>
    cached(ages, async () => callApi(url, { path: '/metrics' }, signal))
  const read = createReader(exporterUrl)
  const sets = new Set<Readonly<Record<string, number>>>()
  const others = new Set<OtherExporter>()
  let change: ((exposition: string) => string) | undefined
  const server = createServer((_request, response) => {
    void forward()
    async function forward(): Promise<void> {
      const metrics = await read()
      if (metrics.state === 'unavailable') {
        response.writeHead(502).end(metrics.reason)
        return
      }
      const own = withValues(change?.(metrics.text) ?? metrics.text, Object.assign({}, ...sets))
      const added = await Promise.all([...others].map(readLines))
      response
        .writeHead(metrics.status, { 'content-type': 'text/plain; version=0.0.4' })
        .end(own + added.join(''))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has a port')
  return {
    address: `127.0.0.1:${address.port}`,
    set: (values) => {
      sets.add(values)
      return () => void sets.delete(values)
    },
    rewrite: (by) => void (change = by),
    addLinesFrom: (url, containing) => {
      const other = { read: createReader(url), containing }
      others.add(other)
      return () => void others.delete(other)
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function readLines({ read, containing }: OtherExporter): Promise<string> {
  const response = await read()
  if (response.state === 'unavailable') return ''
  return response.text
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.includes(containing))
    .map((line) => `${line}\n`)
    .join('')
}

/** Returns the last response immediately while a newer one is fetched, unless it is too old. */
function cached<T>({ freshMs, staleMs }: CacheAges, read: () => Promise<T>): () => Promise<T> {
  let last: { atMs: number; value: Promise<T> } | undefined
  let next: Promise<T> | undefined
  const renew = async (): Promise<T> => {
    next ??= read().finally(() => {
      last = next && { atMs: performance.now(), value: next }
      next = undefined
    })
    return next
  }
  return async () => {
    const ageMs = last === undefined ? Infinity : performance.now() - last.atMs
    if (last !== undefined && ageMs <= freshMs) return last.value
    const renewed = renew()
    return last !== undefined && ageMs <= staleMs ? last.value : renewed
  }
}

/** Replaces the values of some metrics in a text exposition, and adds the missing metrics. */
export function withValues(exposition: string, values: Readonly<Record<string, number>>): string {
  const missing = new Map(Object.entries(values))
  if (missing.size === 0) return exposition
  const lines = exposition.split('\n').map((line) => {
    const name = line.slice(0, endOfName(line))
    const value = values[name]
    if (value === undefined || line.startsWith('#')) return line
    missing.delete(name)
    return `${line.slice(0, line.lastIndexOf(' '))} ${value}`
  })
  return [
    ...lines.filter((line, index) => line !== '' || index < lines.length - 1),
    ...[...missing].map(([name, value]) => `${name} ${value}`),
    '',
  ].join('\n')
}

/**
 * A text exposition on the faster clock: the age of each timestamp is divided by `speed`. For programs that
 * use the wall
 * clock, such as a scheduler with its heartbeat.
 */
export function compressTimestamps(exposition: string, speed: number, nowMs: number): string {
  return exposition
    .split('\n')
    .map((line) => {
      if (line.startsWith('#') || !line.slice(0, endOfName(line)).endsWith('_timestamp_seconds')) return line
      const at = line.lastIndexOf(' ')
      const timestamp = Number(line.slice(at + 1))
      return Number.isFinite(timestamp) && timestamp < nowMs / 1000
        ? `${line.slice(0, at)} ${nowMs / 1000 - (nowMs / 1000 - timestamp) / speed}`
        : line
    })
    .join('\n')
}

function endOfName(line: string): number {
  const ends = [line.indexOf('{'), line.indexOf(' ')].filter((at) => at !== -1)
  return ends.length === 0 ? line.length : Math.min(...ends)
}
