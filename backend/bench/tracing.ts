import { OtlpReceiver } from '../testing/otlp.ts'
import { startService } from './contenders.ts'
import { loaded, type Shot } from './load.ts'
import { median, type Section, spreadOf } from './section.ts'

export const tracing: Section = {
  name: 'tracing',
  about: 'GET /tasks?limit=20, not cached, with every tenth request traced to a collector, as a share of the same without tracing',
  run: async (bench) => {
    const receiver = await OtlpReceiver.start()
    const off = await startService(bench, 'off', { CACHE_ENTRIES: '0' })
    const on = await startService(bench, 'on', { CACHE_ENTRIES: '0', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' })
    const { client, session } = await off.client.register()
    for (let index = 0; index < 60; index += 1) await client.send('POST', '/tasks', { title: `Task number ${index}` })
    const list: Shot = { method: 'GET', path: '/tasks?limit=20', token: session.accessToken }
    const rate = async ({ base }: { base: string }): Promise<number> => (await loaded(bench, base, [list])).perSecond
    try {
      for (const contender of [off, on]) await rate(contender)
      const found: number[] = []
      for (let round = 0; round < bench.rounds; round += 1) {
        const first = round % 2 === 0 ? await rate(on) : undefined
        const without = await rate(off)
        found.push((first ?? (await rate(on))) / without)
      }
      return [{ what: 'with tracing, of without', value: spreadOf(found, (ratio) => ratio.toFixed(2)), goal: 'at least 0.85', met: median(found) >= 0.85 }]
    } finally {
      await off.end()
      await on.end()
      await receiver.end()
    }
  },
}
