import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Run } from '../../../record/index.ts'
import { freePort, startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { homeSuites, workplace } from '../../testing/vigil.ts'
import type { Workplace } from '../../testing/vigil.ts'

let place: Workplace
let service: Service | undefined
beforeEach(() => (place = workplace()))
afterEach(async () => {
  await service?.close()
  place.remove()
})

/** Loads a service for two seconds. Returns the record and the report. */
async function load(
  answer: Parameters<typeof startService>[0],
  target: { metrics?: string; ready?: string },
): Promise<{ code: number | null; run: Run; report: string }> {
  // So that the generator is not the limit.
  service = await startService((...args) => void setTimeout(() => answer(...args), 2))
  place.configure({
    target: { url: service.url, ...target },
    suites: {
      busy: {
        engine: 'autocannon',
        journeys: { home: 1 },
        load: { connections: 2 },
        warmupSeconds: 0,
        durationSeconds: 3,
      },
    },
    budgets: { errorRate: 0.5 },
  })
  const { code, stderr } = await place.vigil(['load', 'busy'])
  const runs = join(place.folder, '.vigil', 'runs')
  const folder = join(runs, readdirSync(runs)[0] ?? '')
  if (folder === runs) throw new Error(stderr)
  return {
    code,
    run: JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as Run,
    report: readFileSync(join(folder, 'report.md'), 'utf8'),
  }
}

describe('the metrics of a service', () => {
  // Two processes, each with its own counters: the second one has worked for longer.
  const answerFrom =
    (processes: readonly { start: number; cpu: number }[]): Parameters<typeof startService>[0] =>
    ({ url }, response, index) => {
      const { start, cpu } = processes[index % processes.length] ?? { start: 0, cpu: 0 }
      response.end(
        url === '/metrics'
          ? `process_start_time_seconds ${start}\nprocess_cpu_seconds_total ${cpu + index / 1000}\n`
          : 'ok',
      )
    }

  it('of two processes behind one URL are not subtracted, and the report says so', async () => {
    const { run, report } = await load(
      answerFrom([
        { start: 100, cpu: 1 },
        { start: 200, cpu: 5 },
        { start: 300, cpu: 9 },
      ]),
      { metrics: '/metrics' },
    )
    expect(run.server ?? {}).not.toHaveProperty('cpuMsPerRequest')
    const note = 'CPU, database time and statements per request are left out: the metrics came from more than'
    expect(run.notes).toEqual([expect.stringContaining(note)])
    expect(report).toContain('statements per request are left out')
  })

  it('of one process are', async () => {
    const { run } = await load(answerFrom([{ start: 100, cpu: 1 }]), { metrics: '/metrics' })
    expect(run.server?.cpuMsPerRequest).toBeGreaterThan(0.5)
    expect(run.notes).toBeUndefined()
  })
})

describe('metrics that the config names', () => {
  const answerWith =
    (status: number): Parameters<typeof startService>[0] =>
    ({ url }, response) => {
      response.statusCode = url === '/metrics' ? status : 200
      response.end('ok')
    }

  it.each([
    [401, 'set VIGIL_METRICS_TOKEN'],
    [403, 'set VIGIL_METRICS_TOKEN'],
    [404, 'correct the path in target.metrics'],
    [302, 'correct the path in target.metrics'],
  ])('and that answer %i are exit 4: nothing was loaded without them', async (status, advice) => {
    const { code, run } = await load(answerWith(status), { metrics: '/metrics' })
    expect(code).toBe(4)
    expect(run.validity.reasons).toEqual([
      expect.stringContaining(`target.metrics: /metrics answered ${status}, expected 200: ${advice}`),
    ])
  })

  it.each([429, 503])('and that answer %i for now are left out', async (status) => {
    const { code } = await load(answerWith(status), { metrics: '/metrics' })
    expect(code).toBe(0)
  })
})

describe('a service whose database dies while it is loaded', () => {
  const dying =
    (readiness: { status: number; text: string }): Parameters<typeof startService>[0] =>
    ({ url }, response, index) => {
      const isDead = index > 100
      if (isDead) response.statusCode = url === '/ready' ? readiness.status : 503
      response.end(isDead && url === '/ready' ? readiness.text : 'unavailable')
    }

  it('is reported with its answer about its readiness', async () => {
    const text = '{"status":"unavailable",\n"services":{"database":false}}'
    const { code, run, report } = await load(dying({ status: 503, text }), { ready: '/ready' })
    expect(code).toBe(1)
    expect(run.failures).toEqual([expect.objectContaining({ class: 'status' })])
    expect(run.notes).toEqual([
      'while requests failed, /ready answered 503: {"status":"unavailable", "services":{"database":false}}',
    ])
    expect(report).toContain('while requests failed, /ready answered 503')
  })

  it('is not reported with an answer that says that it is ready', async () => {
    const { code, run } = await load(dying({ status: 200, text: 'ok' }), { ready: '/ready' })
    expect([code, run.notes]).toEqual([1, undefined])
  })

  it('is also reported when no user could be prepared', async () => {
    place.write(
      'journeys.mjs',
      `const login = { name: 'login', request: () => ({ method: 'POST', path: '/login' }) }
       const get = { name: 'get', request: () => ({ method: 'GET', path: '/' }) }
       export default [{ name: 'home', before: [login], steps: [get] }]`,
    )
    const { run } = await load(
      ({ url }, response, index) => {
        // The first check is answered.
        if (index > 1) response.statusCode = 503
        response.end(url === '/ready' ? 'no database' : 'unavailable')
      },
      { ready: '/ready' },
    )
    expect(run.notes).toEqual(['while requests failed, /ready answered 503: no database'])
  })

  it('is not asked while no request fails', async () => {
    const asked: (string | undefined)[] = []
    const { run } = await load(
      ({ url }, response) => {
        if (url === '/ready') asked.push(url)
        response.end('ok')
      },
      { ready: '/ready' },
    )
    // The first check, before the load.
    expect([asked, run.notes]).toEqual([['/ready'], undefined])
  })
})

describe('a service that vigil started', () => {
  it('is not started where another one answers: exit 4, and how to test that one', async () => {
    service = await startService((_request, response) => response.end('ok'))
    const { url } = service
    place.configure({ target: { url, command: ['true'], ready: '/' }, suites: { busy: homeSuites.capacity } })
    const { code, stdout } = await place.vigil(['load', 'busy'])
    expect(code).toBe(4)
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      `Next: stop what answers at ${url}, or test it: ` +
        `vigil load --config vigil.config.mjs busy --target ${url}`,
    )
  })

  it('and that reports nothing about itself has its CPU, busiest thread and memory measured', async () => {
    const server = place.write(
      'server.mjs',
      "import { createServer } from 'node:http'\n" +
        'createServer((_request, response) => {\n' +
        '  const until = process.cpuUsage().user + 3000\n' +
        '  while (process.cpuUsage().user < until);\n' +
        "  response.end('ok')\n" +
        "}).listen(process.env.PORT, '127.0.0.1')\n",
    )
    const port = String(await freePort())
    place.configure({
      target: {
        url: `http://127.0.0.1:${port}`,
        command: [process.execPath, server],
        ready: '/',
        env: { PORT: port },
      },
      suites: { busy: homeSuites.capacity },
      budgets: { rssBytes: 500e6 },
    })
    const { code, stdout, stderr } = await place.vigil(['load', 'busy', '--json'])
    expect(code, stderr).toBe(0)
    const { server: side, target } = JSON.parse(stdout) as Run
    expect(side?.cpuMsPerRequest).toBeGreaterThan(2.9)
    expect(side?.busiestThreadRatio).toBeGreaterThan(0.1)
    expect(side?.rssMaxBytes).toBeGreaterThan(20e6)
    expect(target.started).toBe(true)
  })

  it('and that ends under load fails the run, exit 1, with how it ended and what it wrote', async () => {
    const server = place.write(
      'server.mjs',
      "import { createServer } from 'node:http'\n" +
        'let left = 200\n' +
        'createServer((_request, response) => {\n' +
        "  if (--left === 0) throw new Error('out of stock')\n" +
        "  response.end('ok')\n" +
        "}).listen(process.env.PORT, '127.0.0.1')\n",
    )
    const port = await freePort()
    place.configure({
      target: {
        url: `http://127.0.0.1:${port}`,
        command: [process.execPath, server],
        ready: '/',
        env: { PORT: String(port) },
      },
      suites: { busy: homeSuites.capacity },
      budgets: { p95Ms: 5000 },
    })
    const { code, stdout, stderr } = await place.vigil(['load', 'busy'])
    const text = stdout.replaceAll(/\s+/g, ' ')
    expect(code, stdout + stderr).toBe(1)
    expect(text).toContain('the service ended with code 1 while it was loaded; it wrote: Error: out of stock')
    expect(text).toContain('Next: the service ended under load: read the end of target.log')
  })
})

it("a k6 script's load is what its options say, in the header, the record and the report", async () => {
  service = await startService((_request, response) => void setTimeout(() => response.end('ok'), 2))
  place.write(
    'shop.js',
    `import http from 'k6/http'
export const options = { vus: 2, iterations: 40 }
export default () => http.get(__ENV.BASE_URL)`,
  )
  place.configure({
    target: { url: service.url },
    suites: {
      shop: { engine: 'k6', script: './shop.js', load: { ratePerSecond: 7777 }, durationSeconds: 3333 },
    },
  })
  const { code, stdout, stderr } = await place.vigil(['load', 'shop'])
  expect([code, stderr]).toEqual([0, expect.stringContaining('shop.js: 40 iterations by 2 virtual users')])
  const runs = join(place.folder, '.vigil', 'runs')
  const folder = join(runs, readdirSync(runs)[0] ?? '')
  const { load: found } = JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as Run
  expect(found).toEqual({ model: 'connections', script: '40 iterations by 2 virtual users' })
  const report = readFileSync(join(folder, 'report.md'), 'utf8')
  expect(report).toContain('40 iterations by 2 virtual users')
  expect(stdout + stderr + report).not.toMatch(/.*(7,?777|3,?333|journeys\/s).*/)
  const refused = await place.vigil(['load', 'shop', '--rate', '5', '--duration', '9'])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--rate and --duration')])
  place.write('shop.js', 'export default () => {}; nothing()')
  const broken = await place.vigil(['load', 'shop'])
  expect([broken.code, broken.stderr]).toEqual([
    2,
    expect.stringMatching(/shop\.js: ReferenceError: nothing/),
  ])
})
