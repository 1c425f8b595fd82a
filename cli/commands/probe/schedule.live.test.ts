import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort, startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { workplace } from '../../testing/vigil.ts'
import type { Ran, Workplace } from '../../testing/vigil.ts'
import { startRunningClock } from '../../../runtime/testing/running-clock.ts'

interface Event {
  event: string
  name?: string
  outcome?: string
  from?: string | null
  to?: string
  latenessMs?: number
}

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

/** A scheduler at work, whose JSON lines can be waited for. */
function scheduler(args: readonly string[] = []): {
  until: (wanted: (event: Event) => boolean) => Promise<Event>
  signal: (name: NodeJS.Signals) => Promise<Ran & { tookMs: number }>
} {
  const events: Event[] = []
  let onRequest = (): void => undefined
  const { process: child, ran } = place.start([
    'probe',
    '--config',
    'vigil.config.mjs',
    '--every',
    '--json',
    ...args,
  ])
  let rest = ''
  child.stdout?.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    events.push(...lines.map((line) => JSON.parse(line) as Event))
    onRequest()
  })
  let ended = false
  child.once('close', () => {
    ended = true
    onRequest()
  })
  return {
    until: async (wanted) => {
      for (;;) {
        const found = events.find(wanted)
        if (found) return found
        if (ended) throw new Error(`it ended before that: ${(await ran).stderr}`)
        await new Promise<void>((resolve) => (onRequest = resolve))
      }
    },
    signal: async (name) => {
      const clock = startRunningClock()
      child.kill(name)
      return { ...(await ran), tookMs: clock.elapsedMs() }
    },
  }
}

describe('a scheduler', () => {
  it(
    'probes, prints changes, serves metrics, beats, and ends on SIGTERM with 143 once what runs has ' +
      'finished',
    async () => {
      let broken = false
      let asked = (): void => undefined
      let slow = false
      service = await startService((_request, response) => {
        if (slow) setTimeout(() => response.end('ok'), 700)
        else response.writeHead(broken ? 503 : 200).end('ok')
        asked()
      })
      configure(service.url)
      const port = await freePort()
      const running = scheduler(['--metrics-port', String(port)])
      await running.until(({ event, outcome }) => event === 'run' && outcome === 'up')
      broken = true
      expect(await running.until(({ event }) => event === 'change')).toMatchObject({
        name: 'home',
        from: 'up',
        to: 'down',
        message: expect.stringContaining('get failed (status): status 503, expected 2xx'),
      })
      broken = false
      await running.until(({ event, to }) => event === 'change' && to === 'up')
      const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      for (const line of [
        'vigil_probe_success{probe="home"} 1',
        'vigil_probe_outcome{probe="home",outcome="up"} 1',
      ])
        expect(scraped).toContain(line)
      slow = true
      await new Promise<void>((resolve) => (asked = resolve))
      const { code, stdout, stderr, tookMs } = await running.signal('SIGTERM')
      expect([code, stderr]).toEqual([
        143,
        expect.stringMatching(/stopped: \d+ runs, \d+ skipped, \d+ missed\n$/),
      ])
      expect(tookMs).toBeLessThan(10_000)
      // The one that ran when the signal came has its result.
      const events = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Event & { durationMs: number })
      expect(events.at(-1)).toMatchObject({ event: 'run', outcome: 'up' })
      expect(events.at(-1)?.durationMs).toBeGreaterThan(600)
      expect(
        JSON.parse(readFileSync(join(place.folder, '.vigil/schedule/heartbeat.json'), 'utf8')),
      ).toMatchObject({ schema: 'vigil.heartbeat/1', probes: 1 })

      const shown = await place.vigil(['uptime', '--json'])
      const runs = events.filter(({ event }) => event === 'run')
      expect(JSON.parse(shown.stdout)).toMatchObject({
        schema: 'vigil.uptime/1',
        probes: [{ probe: 'home', target: service.url, results: runs.length }],
        silent: [],
        problems: [],
      })
      const { stdout: text, code: read } = await place.vigil(['uptime', 'home'])
      expect([read, text]).toEqual([
        0,
        expect.stringMatching(
          new RegExp(
            '^home {2}http:.*\\n {2}since .*results\\n' +
              ' {2}time \\(UTC\\) +up % +degraded % +down % +unknown %\\n {2}total',
          ),
        ),
      ])
    },
  )

  it('ends on SIGINT within 10 s with 130 while its target never answers; reports no outage', async () => {
    let asked = (): void => undefined
    const request = new Promise<void>((resolve) => (asked = resolve))
    service = await startService(() => asked())
    configure(service.url, { timeoutMs: 60_000 })
    const running = scheduler()
    await request
    const { code, stdout, tookMs } = await running.signal('SIGINT')
    expect(code).toBe(130)
    expect(tookMs).toBeLessThan(10_000)
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Event)
        .findLast(({ event }) => event === 'run'),
    ).toMatchObject({ outcome: 'unknown', message: 'interrupted before it was done' })
  })

  it('has lines for people: the failing step unfolded; quiet, changes alone', async () => {
    service = await startService((_request, response, index) =>
      response.writeHead(index === 2 ? 500 : 200).end('ok'),
    )
    configure(service.url)
    const { process: child, ran } = place.start([
      'probe',
      '--config',
      'vigil.config.mjs',
      '--quiet',
      '--every',
      '1s',
    ])
    await new Promise<void>((resolve) => {
      let text = ''
      child.stdout?.on('data', (more: string) => {
        text += more
        if (text.includes('was down')) resolve()
      })
      child.once('close', () => resolve())
    })
    child.kill('SIGTERM')
    const { stdout, stderr } = await ran
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      new RegExp(
        '^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ {2}down {6}home {2}\\S+ ms {2}\\(was up\\)\\n' +
          ' {4}get failed \\(status\\): status 500, expected 2xx.*\\n {4}FAIL {2}get {2}500 {2}\\S+ ms\\n' +
          '\\S+ \\S+ {2}up {8}home {2}\\S+ ms {2}\\(was down\\)\\n$',
      ),
    )
  })
})

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

it('a run by cron is kept as well, and holds as long as its config says', async () => {
  service = await startService((_request, response) => response.end('ok'))
  configure(service.url, { every: '1h' })
  expect((await place.vigil(['probe', '--once'])).code).toBe(0)
  const { stdout } = await place.vigil(['uptime', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ probes: [{ results: 1, shares: { up: 1, unknown: 0 } }] })
})
