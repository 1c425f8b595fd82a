import { z } from 'zod'
import { eventually } from '../testing/index.ts'
import { metric, startService } from './contenders.ts'
import type { Contender } from './contenders.ts'
import { loaded } from './load.ts'
import type { Shot } from './load.ts'
import type { Bench, Figure, Section } from './section.ts'

const made = z.object({ id: z.string() })
const requests = 100_000
const mebi = 1024 * 1024

export const memory: Section = {
  name: 'memory',
  about:
    '100,000 mixed requests, then an import of 10,000 rows: how long the event loop is held up by it, and how much memory there is afterwards',
  run: async (bench) => {
    const service = await startService(bench, 'service')
    try {
      await mixedRequests(bench, service)
      const { lagMs, importMs } = await importRows(service)
      const rss = (await metric(service, 'process_resident_memory_bytes')) / mebi
      bench.say(`import of 10,000 rows: ${importMs.toFixed(0)} ms`)
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
  // A user of 60 tasks, however many the first one makes meanwhile.
  const steady = (await service.client.register()).client
  for (let index = 0; index < 60; index += 1)
    await steady.send('POST', '/tasks', { title: `Task number ${index}` })
  const shots: Shot[] = [
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
  for (let done = 0; done < requests;) done += (await loaded(bench, service.base, shots, 5)).requests
}

async function importRows(service: Contender): Promise<{ lagMs: number; importMs: number }> {
  const { client } = await service.client.register()
  const rows = Array.from(
    { length: 10_000 },
    (_, index) => `Task number ${index},Something to do,todo,"home;soon",2027-01-01T00:00:00Z`,
  )
  const file = `title,description,status,tags,dueAt\n${rows.join('\n')}\n`
  // Each reading starts the measurement anew.
  await metric(service, 'nodejs_eventloop_lag_p99_seconds')
  const started = performance.now()
  const { id } = made.parse(
    (await client.send('POST', '/imports', file, { 'content-type': 'text/csv' })).json,
  )
  await eventually('the import is done', 60_000, async () =>
    (await client.get(`/imports/${id}`)).text.includes('"status":"done"'),
  )
  const importMs = performance.now() - started
  return { lagMs: (await metric(service, 'nodejs_eventloop_lag_p99_seconds')) * 1000, importMs }
}
