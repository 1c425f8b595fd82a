import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { KnownNoise } from '../../../baselines/noise/index.ts'
import { startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Ran, Workplace } from '../../testing/vigil.ts'

let place: Workplace
let service: Service
beforeAll(async () => {
  place = workplace()
  // Answers take 4 to 8 ms, in no order: a machine of known unrest.
  service = await startService(
    (_request, response, index) => void setTimeout(() => response.end('ok'), 4 + ((index * 7) % 5)),
  )
  place.configure({
    target: { url: service.url },
    suites: {
      home: { engine: 'k6', journeys: { home: 1 }, load: { ratePerSecond: 40 }, durationSeconds: 5 },
    },
  })
})
afterAll(async () => {
  await service.close()
  place.remove()
})

it(
  'vigil doctor --noise keeps what the same code differs by, and a smaller margin is refused',
  { timeout: 300_000 },
  async () => {
    const args = ['--config', 'vigil.config.mjs', '--target', service.url, '--seconds', '20', '--json']
    const measure = async (): Promise<Ran> =>
      place.vigil(['doctor', '--noise', ...args, '--process-pairs', '1'])
    let { code, stdout, stderr } = await measure()
    // As it advises where arrivals were dropped, because the machine stood still.
    for (let more = 3; more > 0 && stderr.includes('this machine is too busy'); more -= 1)
      ({ code, stdout, stderr } = await measure())
    expect(code, stderr).toBe(0)
    const noise: KnownNoise = JSON.parse(stdout)
    expect(JSON.parse(readFileSync(join(place.folder, '.vigil', 'noise.json'), 'utf8'))).toEqual(noise)
    const { home } = noise.suites
    expect(home).toMatchObject({ units: 8, processPairs: 1, unitSeconds: 2.5, falseAlarms: { drawn: 300 } })
    for (const { deviation, detectable } of Object.values(home?.metrics ?? {})) {
      expect(deviation).toBeGreaterThan(0)
      expect(detectable['30']).toBeGreaterThan(detectable['120'] ?? Infinity)
    }
    const least = Math.min(
      ...Object.values(home?.metrics ?? {}).map(({ detectable }) => detectable['120'] ?? 0),
    )
    const refused = await place.vigil(['ab', service.url, service.url, '--margin', String(100 * least * 0.9)])
    expect([refused.code, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(
      new RegExp(
        '--margin: found .* %, expected at least .* %: as measured here by vigil doctor --noise, ' +
          'a duet of home cannot see a smaller change',
      ),
    )
  },
)
