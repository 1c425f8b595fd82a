import { afterAll, beforeAll, expect, it } from 'vitest'
import { startGateway } from '../../../runtime/pushgateway/testing/gateway.ts'
import type { Gateway } from '../../../runtime/pushgateway/testing/gateway.ts'
import { startService } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'

const place = workplace()
let pushgateway: Gateway
// A machine that has no Pushgateway fetches it once, which takes as long as its network does.
beforeAll(async () => {
  pushgateway = await startGateway()
}, 300_000)
afterAll(async () => {
  await pushgateway.stop()
  place.remove()
})

it(
  'each probe that ran once has its latest result on the Pushgateway, also after another one ran alone',
  { timeout: 60_000 },
  async () => {
    const service = await startService((_request, response) => response.end('ok'))
    try {
      const configure = (url: string, require = false): void =>
        place.configure({
          target: { url: service.url },
          suites: {},
          probes: { one: { journey: 'home' }, two: { journey: 'home' } },
          pushgateway: { url, require },
        })
      configure(`${pushgateway.url}/`)
      for (const names of [[], ['one']])
        expect(await place.vigil(['probe', '--json', ...names])).toMatchObject({
          code: 0,
          stderr: expect.not.stringContaining('not pushed'),
        })
      const pushed = await (await fetch(`${pushgateway.url}/metrics`)).text()
      for (const probe of ['one', 'two']) {
        expect(pushed).toMatch(
          new RegExp(`vigil_probe_success\\{[^}]*job="vigil"[^}]*probe="${probe}"[^}]*\\} 1`),
        )
        expect(pushed).toMatch(
          new RegExp(`vigil_probe_outcome\\{[^}]*outcome="up",probe="${probe}"[^}]*\\} 1`),
        )
      }
      // A Pushgateway that is not there changes nothing, unless it is required.
      configure('http://127.0.0.1:9')
      expect(await place.vigil(['probe', 'one'])).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('metrics of probes were not pushed: http://127.0.0.1:9: '),
      })
      configure('http://127.0.0.1:9', true)
      expect((await place.vigil(['probe', 'one'])).code).toBe(4)
    } finally {
      await service.close()
    }
  },
)
