import { OtlpReceiver } from '../testing/otlp.ts'
import { startRaw, startService } from './contenders.ts'
import type { Contender } from './contenders.ts'
import { median, compareThroughput, formatSpread } from './measure.ts'
import type { Figure, Section, RequestTemplate } from './measure.ts'

export const throughput: Section = {
  name: 'throughput',
  about: 'requests per second of the service as a share of raw node:http + postgres.js (same queries)',
  run: async (bench) => {
    const uncached = await startService(bench, 'service', { CACHE_ENTRIES: '0' })
    const cached = await startService(bench, 'service, cached')
    const { client, session } = await uncached.client.register()
    for (let index = 0; index < 60; index += 1)
      await client.send('POST', '/tasks', {
        title: `Task number ${index}`,
        description: 'Something to do',
        tags: ['home', 'soon'],
      })
    const raw = await startRaw(bench, session.user.id)
    const { accessToken: token } = session
    try {
      await requireSameAnswer(raw, uncached, token)
      const list: RequestTemplate = { method: 'GET', path: '/tasks?limit=20', token }
      const create: RequestTemplate = {
        method: 'POST',
        path: '/tasks',
        token,
        body: JSON.stringify({ title: 'Made by the bench' }),
      }
      const lists = await compareThroughput(bench, 'GET /tasks?limit=20', [raw, uncached, cached], list)
      const creates = await compareThroughput(bench, 'POST /tasks', [raw, cached], create)
      return [
        toFigure('GET /tasks, not cached', lists[1] ?? [], 0.8),
        toFigure('GET /tasks, cached', lists[2] ?? [], 1.5),
        toFigure('POST /tasks', creates[1] ?? [], 0.75),
      ]
    } finally {
      for (const contender of [raw, uncached, cached]) await contender.end()
    }
  },
}

// The comparison requires equal answers.
async function requireSameAnswer(raw: Contender, service: Contender, token: string): Promise<void> {
  const [one, other] = [
    await raw.client.get('/tasks?limit=20'),
    await service.client.as(token).get('/tasks?limit=20'),
  ]
  if (one.text !== other.text)
    throw new Error(
      `raw and service answer differently:\n${one.text.slice(0, 300)}\n${other.text.slice(0, 300)}`,
    )
}

function toFigure(what: string, ratios: readonly number[], least: number): Figure {
  return {
    what: `${what}, of raw`,
    value: formatSpread(ratios, (ratio) => ratio.toFixed(2)),
    goal: `at least ${least}`,
    met: median(ratios) >= least,
  }
}

export const tracing: Section = {
  name: 'tracing',
  about: 'GET /tasks?limit=20, not cached, with every tenth request traced, as a share of no tracing',
  run: async (bench) => {
    const receiver = await OtlpReceiver.start()
    const off = await startService(bench, 'off', { CACHE_ENTRIES: '0' })
    const on = await startService(bench, 'on', {
      CACHE_ENTRIES: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    })
    const { client, session } = await off.client.register()
    for (let index = 0; index < 60; index += 1)
      await client.send('POST', '/tasks', { title: `Task number ${index}` })
    const list: RequestTemplate = { method: 'GET', path: '/tasks?limit=20', token: session.accessToken }
    try {
      const [, found = []] = await compareThroughput(bench, 'GET /tasks?limit=20', [off, on], list)
      return [
        {
          what: 'with tracing, of without',
          value: formatSpread(found, (ratio) => ratio.toFixed(2)),
          goal: 'at least 0.85',
          met: median(found) >= 0.85,
        },
      ]
    } finally {
      await off.end()
      await on.end()
      await receiver.end()
    }
  },
}
