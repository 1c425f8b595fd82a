import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { freePort } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'

/* A service of another team, with the rules and routes of `vigil init --monitoring`. */
const place = workplace()
afterAll(() => place.remove())

it('a service without faults of its own is drilled by the rules that init wrote for it', async () => {
  place.write(
    'service.mjs',
    `import { createServer } from 'node:http'
createServer((request, response) => response.writeHead(request.url?.startsWith('/shop/') ? 200 : 404).end())
  .listen(Number(process.argv[2]), '127.0.0.1')\n`,
  )
  place.configure({
    target: {
      url: `http://127.0.0.1:${await freePort()}/shop`,
      command: [process.execPath, 'service.mjs', '{port}'],
      ready: '/',
    },
    suites: {},
    probes: { home: { journey: 'home', every: '1m', attempts: 1 } },
  })
  mkdirSync(join(place.folder, 'vigil'))
  const written = await place.start(['init', '--monitoring']).ran
  expect(written.code).toBe(0)
  const rules = readFileSync(join(place.folder, 'vigil/monitoring/alert_rules.yml'), 'utf8')
  expect(rules).not.toMatch(/todo|task/i)
  const unknown = await place.vigil(['drill', 'APIHighErrorRate'])
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('VigilProbeDown')])
  const { code, stdout, stderr } = await place.vigil(['drill', '--json'])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(JSON.parse(stdout)).toMatchObject({ alert: 'VigilProbeDown', state: 'ok', receivers: ['pages'] })
}, 300_000)
