import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startService } from './testing/service.ts'
import type { Service } from './testing/service.ts'
import { homeSuites, workplace } from './testing/vigil.ts'
import type { Workplace } from './testing/vigil.ts'

let place: Workplace
let service: Service
beforeEach(() => (place = workplace()))
afterEach(async () => {
  await service.close()
  place.remove()
})

/** Every file vigil left, and everything it printed, as one text each. */
function artefacts(): Map<string, string> {
  const root = join(place.folder, '.vigil')
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    names.map((entry) => [
      join(entry.parentPath, entry.name),
      readFileSync(join(entry.parentPath, entry.name), 'utf8'),
    ]),
  )
}

const short = { warmupSeconds: 0.5, durationSeconds: 2 }

describe('a hostile target', () => {
  it('gets nothing of what it says run, repainted or rendered', async () => {
    const evil =
      '<script>alert(1)</script>\u001B[2J\u001B]0;owned\u0007=cmd|x @everyone ![x](http://evil.example/x)'
    service = await startService((_request, response) => {
      response.statusCode = 500
      response.end(evil)
    })
    place.write(
      'journeys.mjs',
      `export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: ` +
        `'/' }), check: (response) => 'it said ' + response.text }] }]\n`,
    )
    place.configure({
      target: { url: service.url },
      probes: { home: { journey: 'home' } },
      suites: {
        rate: { ...homeSuites.rate, ...short },
        capacity: { ...homeSuites.capacity, ...short },
      },
      budgets: { errorRate: 0.001 },
    })
    const printed: string[] = []
    for (const args of [['gate'], ['load', 'rate'], ['load', 'capacity'], ['probe']]) {
      const { code, stdout, stderr } = await place.vigil([...args, '--target', service.url])
      expect(code, stderr).toBe(1)
      printed.push(stdout, stderr)
    }
    for (const text of printed) expect(text).not.toMatch(/[^\P{Cc}\n\t]/u)
    for (const [file, text] of artefacts()) {
      // A database is binary; what it holds is not shown as it is.
      if (!/\.db(-\w+)?$/.test(file)) expect(text, file).not.toMatch(/[^\P{Cc}\n\t]/u)
      if (/\.(html|md|xml)$/.test(file)) expect(text, file).not.toContain('<script>alert')
      if (file.endsWith('.md')) expect(text, file).not.toContain('![x](http')
    }
  })
})

describe('a secret', () => {
  it("in config, headers, a Pushgateway's URL and the environment is in no output and no file", async () => {
    const canary = 'canary-5f1e7c'
    service = await startService((_request, response) => response.end('ok'))
    place.write(
      'journeys.mjs',
      `export default [{ name: 'home', steps: [{ name: 'get', request: () => ({ method: 'GET', path: ` +
        `'/', headers: { authorization: 'Bearer ${canary}' } }) }] }]\n`,
    )
    place.configure({
      target: { url: service.url, metrics: '/metrics', env: { METRICS_TOKEN: canary } },
      probes: { home: { journey: 'home' } },
      suites: {
        rate: { ...homeSuites.rate, ...short },
        capacity: { ...homeSuites.capacity, ...short },
      },
      budgets: { errorRate: 0.5 },
      pushgateway: { url: `http://push:${canary}@127.0.0.1:9` },
    })
    const { stdout, stderr } = await place.vigil(['gate'], { env: { MY_TOKEN: canary } })
    expect(stdout).not.toContain(canary)
    expect(stderr).not.toContain(canary)
    expect(artefacts().size).toBeGreaterThan(10)
    for (const [file, text] of artefacts()) expect(text, file).not.toContain(canary)
  })
})
