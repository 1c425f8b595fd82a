import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let place: Workplace
let service: Service | undefined
beforeEach(() => (place = workplace()))
afterEach(async () => {
  await service?.close()
  service = undefined
  place.remove()
})

function configure(url: string, more: object = {}): void {
  place.configure({
    target: { url },
    suites: {},
    probes: { home: { journey: 'home', every: '1s', attempts: 1, ...more } },
  })
}

describe('what the user got wrong about a schedule is one line, exit 2', () => {
  it.each([
    [
      'a cron expression that is none',
      { every: '61 * * * *' },
      ['probe'],
      'Invalid value for minute: 61, got "61 * * * *"',
    ],
    [
      'a probe without a schedule',
      { every: undefined },
      ['probe', '--every'],
      "probes.home.every: missing, expected an interval ('30s')",
    ],
    ['a name after --every', {}, ['probe', '--every', 'home'], '--every: expected an interval'],
    [
      'both ways at the same time',
      {},
      ['probe', '--once', '--every'],
      "option '--every [cron]' cannot be used with option '--once'",
    ],
    ['metrics of what runs once', {}, ['probe', '--metrics-port', '9464'], '--metrics-port needs --every'],
    ['the uptime of nothing', {}, ['uptime'], "history.db: not there yet: results come from 'vigil probe'"],
  ])('%s', async (_, more, args, says) => {
    configure('http://127.0.0.1:9', more)
    const { code, stdout, stderr } = await place.vigil(args)
    expect([code, stdout, stderr.trim().split('\n').length]).toEqual([2, '', 1])
    expect(stderr).toContain(says)
  })

  it('a port that is taken', async () => {
    service = await startService((_request, response) => response.end('ok'))
    configure(service.url)
    const { code, stderr } = await place.vigil([
      'probe',
      '--every',
      '1s',
      '--metrics-port',
      new URL(service.url).port,
    ])
    expect([code, stderr]).toEqual([2, expect.stringContaining('expected a free port of this machine')])
    expect(existsSync(join(place.folder, '.vigil', 'history.db'))).toBe(false)
  })
})

it('a run by cron is kept as well, and holds as long as its config says', { timeout: 60_000 }, async () => {
  service = await startService((_request, response) => response.end('ok'))
  configure(service.url, { every: '1h' })
  expect((await place.vigil(['probe', '--once'])).code).toBe(0)
  const { stdout } = await place.vigil(['uptime', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ probes: [{ results: 1, shares: { up: 1, unknown: 0 } }] })
})
