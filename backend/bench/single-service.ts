import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { z } from 'zod'
import { eventually } from '../testing/index.ts'
import { readMetric, startService } from './contenders.ts'
import type { Bench, Contender } from './contenders.ts'
import { runLoad, median, formatSpread } from './measure.ts'
import type { Figure, Section, RequestTemplate } from './measure.ts'

const made = z.object({ id: z.string() })
const requests = 100_000
const mebi = 1024 * 1024

export const memory: Section = {
  name: 'memory',
  about: 'event-loop delay during an import of 10,000 rows after 100,000 mixed requests, and memory',
  run: async (bench) => {
    const service = await startService(bench, 'service')
    try {
      await mixedRequests(bench, service)
      const { lagMs, importMs } = await importRows(service)
      const rss = (await readMetric(service, 'process_resident_memory_bytes')) / mebi
      bench.print(`import of 10,000 rows: ${importMs.toFixed(0)} ms`)
      return [
        {
          what: 'event-loop delay p99 during the import',
          value: `${lagMs.toFixed(1)} ms`,
          goal: 'below 30 ms',
          met: lagMs < 30,
        } satisfies Figure,
        {
          what: 'resident memory afterwards',
          value: `${rss.toFixed(0)} MiB`,
          goal: 'below 512 MiB',
          met: rss < 512,
        } satisfies Figure,
      ]
    } finally {
      await service.end()
    }
  },
}

async function mixedRequests(bench: Bench, service: Contender): Promise<void> {
  const { client, session } = await service.client.register()
  const { id } = made.parse((await client.send('POST', '/tasks', { title: 'One of many' })).json)
  const token = session.accessToken
  // A user with 60 tasks, while the first user creates more.
  const steady = (await service.client.register()).client
  for (let index = 0; index < 60; index += 1)
    await steady.send('POST', '/tasks', { title: `Task number ${index}` })
  const shots: RequestTemplate[] = [
    { method: 'GET', path: '/tasks?limit=20', token },
    { method: 'GET', path: `/tasks/${id}`, token },
    {
      method: 'POST',
      path: '/tasks',
      token,
      body: JSON.stringify({ title: 'Made by the bench', description: 'x'.repeat(200) }),
    },
    { method: 'PATCH', path: `/tasks/${id}`, token, body: JSON.stringify({ priority: 'high' }) },
    { method: 'GET', path: '/tasks?limit=100&sort=title', token: steady.token ?? '' },
    { method: 'GET', path: '/auth/me', token },
  ]
  for (let done = 0; done < requests;) done += (await runLoad(bench, service.base, shots, 5)).requests
}

async function importRows(service: Contender): Promise<{ lagMs: number; importMs: number }> {
  const { client } = await service.client.register()
  const rows = Array.from(
    { length: 10_000 },
    (_, index) => `Task number ${index},Something to do,todo,"home;soon",2027-01-01T00:00:00Z`,
  )
  const file = `title,description,status,tags,dueAt\n${rows.join('\n')}\n`
  // Each reading restarts the measurement.
  await readMetric(service, 'nodejs_eventloop_lag_p99_seconds')
  const started = performance.now()
  const { id } = made.parse(
    (await client.send('POST', '/imports', file, { 'content-type': 'text/csv' })).json,
  )
  await eventually('the import is done', 60_000, async () =>
    (await client.get(`/imports/${id}`)).text.includes('"status":"done"'),
  )
  const importMs = performance.now() - started
  return { lagMs: (await readMetric(service, 'nodejs_eventloop_lag_p99_seconds')) * 1000, importMs }
}

export const startup: Section = {
  name: 'startup',
  about: 'from the start of the process until it is ready, on a migrated database',
  run: async (bench) => {
    const times: number[] = []
    // The first start creates the tables and fills the cache of compiled code.
    for (let round = 0; round <= bench.rounds; round += 1) {
      const service = await startService(bench, 'service')
      await service.end()
      if (round > 0) times.push(service.startMs)
    }
    const value = median(times)
    return [
      {
        what: 'start to ready',
        value: formatSpread(times, (ms) => `${ms.toFixed(0)} ms`),
        goal: 'at most 600 ms',
        met: value <= 600,
      },
    ]
  },
}

const slowConnections = 500

export const slow: Section = {
  name: 'slow',
  about:
    'p95 of others while 500 connections send their request byte by byte, against p95 without them, in turns',
  run: async (bench) => {
    const service = await startService(bench, 'service')
    try {
      const { session } = await service.client.register()
      const p95 = async (): Promise<number> =>
        (
          await runLoad(bench, service.base, [
            { method: 'GET', path: '/tasks?limit=20', token: session.accessToken },
          ])
        ).p95Ms
      await p95()
      const ratios: number[] = []
      let answered = 0
      for (let round = 0; round < bench.rounds; round += 1) {
        const aloneMs = await p95()
        const slowly = await openSlowConnections(service)
        const loadedMs = await p95()
        answered += await slowly.closedWith408()
        ratios.push(loadedMs / aloneMs)
        bench.print(
          `p95 ${aloneMs.toFixed(2)} ms alone, ` +
            `${loadedMs.toFixed(2)} ms with ${slowConnections} slow connections`,
        )
      }
      const all = slowConnections * bench.rounds
      return [
        {
          what: 'p95 with slow connections, relative to p95 without',
          value: formatSpread(ratios, (ratio) => ratio.toFixed(2)),
          goal: 'at most 1.2',
          met: median(ratios) <= 1.2,
        },
        {
          what: 'slow connections closed with 408',
          value: `${answered} of ${all}`,
          goal: 'all',
          met: answered === all,
        },
      ]
    } finally {
      await service.end()
    }
  },
}

/** Opens connections that send a byte each second, slower than any normal caller. */
async function openSlowConnections(service: Contender): Promise<{ closedWith408: () => Promise<number> }> {
  const port = Number(new URL(service.base).port)
  const sockets: Socket[] = []
  const ended = Array.from({ length: slowConnections }, () => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /tasks HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    )
    sockets.push(socket)
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', () => undefined)
    return new Promise<boolean>((resolve) =>
      socket.on('close', () => resolve(received.startsWith('HTTP/1.1 408 '))),
    )
  })
  const timer = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write('x')), 1000)
  await new Promise((resolve) => setTimeout(resolve, 200))
  return {
    closedWith408: async () => {
      const all = await Promise.all(ended)
      clearInterval(timer)
      return all.filter(Boolean).length
    },
  }
}
