import { createServer } from 'node:http'
import { callApi } from '../observation/http-api.ts'

/**
 * Stands before an exporter and passes on what it says, but for values that a drill sets: for faults that would hurt the
 * machine if they were real, such as a full memory.
 */
export interface ExporterProxy {
  /** `127.0.0.1:port`, to be scraped in place of the exporter. */
  address: string
  /** From now on these metrics have these values, in all their series; returns how to end that. A metric the exporter does not have is added. */
  set: (values: Readonly<Record<string, number>>) => () => void
  /** What it says is changed by this before it is passed on. */
  rewrite: (change: (exposition: string) => string) => void
  /** From now on the lines of another exporter that hold this text are said, too; returns how to end that. */
  addLinesFrom: (exporterUrl: string, holding: string) => () => void
  stop: () => Promise<void>
}

/** How old an answer may be that is passed on, and how old while a newer one is on its way. */
interface Ages {
  freshMs: number
  staleMs: number
}

/** Exporters are made to be asked every fifteen seconds, not four times a second, and some read all of /proc for it. */
const seldom: Ages = { freshMs: 1000, staleMs: 4000 }
/**
 * A scrape that production lets take ten seconds may take a sixth of one here, but the processor is no faster: a process
 * that stands still for a moment is not gone.
 */
export const frequent: Ages = { freshMs: 100, staleMs: 3000 }

export async function startExporterProxy(
  exporterUrl: string,
  signal: AbortSignal,
  ages = seldom,
): Promise<ExporterProxy> {
  const reader = (url: string): (() => ReturnType<typeof callApi>) =>
    atMostEvery(ages, async () => callApi(url, { path: '/metrics' }, signal))
  const read = reader(exporterUrl)
  const sets = new Set<Readonly<Record<string, number>>>()
  const others = new Set<{ readOther: typeof read; holding: string }>()
  let change: ((exposition: string) => string) | undefined
  const linesOf = async ({
    readOther,
    holding,
  }: {
    readOther: typeof read
    holding: string
  }): Promise<string> => {
    const answer = await readOther()
    return answer.state === 'answered'
      ? answer.text
          .split('\n')
          .filter((line) => !line.startsWith('#') && line.includes(holding))
          .map((line) => `${line}\n`)
          .join('')
      : ''
  }
  const server = createServer((_request, response) => {
    void passOn()
    async function passOn(): Promise<void> {
      const answer = await read()
      if (answer.state === 'unreachable') response.writeHead(502).end(answer.reason)
      else
        response
          .writeHead(answer.status, { 'content-type': 'text/plain; version=0.0.4' })
          .end(
            withValues(change?.(answer.text) ?? answer.text, Object.assign({}, ...sets)) +
              (await Promise.all([...others].map(linesOf))).join(''),
          )
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
    addLinesFrom: (other, holding) => {
      const one = { readOther: reader(other), holding }
      others.add(one)
      return () => void others.delete(one)
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The last answer is given at once while a newer one is fetched, unless it is too old to be believed. */
function atMostEvery<T>({ freshMs, staleMs }: Ages, read: () => Promise<T>): () => Promise<T> {
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
    const age = last === undefined ? Infinity : performance.now() - last.atMs
    if (last !== undefined && age <= freshMs) return last.value
    const renewed = renew()
    return last !== undefined && age <= staleMs ? last.value : renewed
  }
}

/** A text exposition with the values of some metrics replaced, or added when they are not there. */
export function withValues(exposition: string, values: Readonly<Record<string, number>>): string {
  const left = new Map(Object.entries(values))
  if (left.size === 0) return exposition
  const lines = exposition.split('\n').map((line) => {
    const name = line.slice(0, endOfName(line))
    const value = values[name]
    if (value === undefined || line.startsWith('#')) return line
    left.delete(name)
    return `${line.slice(0, line.lastIndexOf(' '))} ${value}`
  })
  return [
    ...lines.filter((line, index) => line !== '' || index < lines.length - 1),
    ...[...left].map(([name, value]) => `${name} ${value}`),
    '',
  ].join('\n')
}

/**
 * A text exposition on the faster clock: what happened so many seconds ago happened so many times fewer seconds ago. For
 * programs that keep time by the wall clock, such as a scheduler with its heartbeat.
 */
export function compressTimestamps(exposition: string, speed: number, nowMs: number): string {
  return exposition
    .split('\n')
    .map((line) => {
      if (line.startsWith('#') || !line.slice(0, endOfName(line)).endsWith('_timestamp_seconds')) return line
      const at = line.lastIndexOf(' ')
      const moment = Number(line.slice(at + 1))
      return Number.isFinite(moment) && moment < nowMs / 1000
        ? `${line.slice(0, at)} ${nowMs / 1000 - (nowMs / 1000 - moment) / speed}`
        : line
    })
    .join('\n')
}

function endOfName(line: string): number {
  const ends = [line.indexOf('{'), line.indexOf(' ')].filter((at) => at !== -1)
  return ends.length === 0 ? line.length : Math.min(...ends)
}
