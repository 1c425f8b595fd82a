import { OtlpReceiver } from '../testing/otlp.ts'
import { startService } from './contenders.ts'
import type { Shot } from './load.ts'
import { median, spreadOf } from './section.ts'
import type { Section } from './section.ts'
import { shares } from './shares.ts'

export const tracing: Section = {
  name: 'tracing',
  about:
    'GET /tasks?limit=20, not cached, with every tenth request traced to a collector, as a share of the same without tracing',
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
    const list: Shot = { method: 'GET', path: '/tasks?limit=20', token: session.accessToken }
    try {
      const [, found = []] = await shares(bench, 'GET /tasks?limit=20', [off, on], list)
      return [
        {
          what: 'with tracing, of without',
          value: spreadOf(found, (ratio) => ratio.toFixed(2)),
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
