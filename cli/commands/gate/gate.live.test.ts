import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Verdict } from '../../../baselines/index.ts'
import type { Run } from '../../../record/index.ts'
import { freePort, startService } from '../../testing/service.ts'
import type { Service } from '../../testing/service.ts'
import { homeSuites, workplace } from '../../testing/vigil.ts'
import type { Ran, Workplace } from '../../testing/vigil.ts'
import { startRunningClock } from '../../../runtime/testing/running-clock.ts'

// Short loads that a busy machine can make as well: 450 requests, of which an error budget of 1 % needs 300.
// Latencies are only judged narrowly where they are what a test is about. k6 has the load where its rate is:
// a stall of 200 ms makes its runs invalid, those of connections go on.
const suites = {
  rate: { ...homeSuites.rate, load: { ratePerSecond: 150 }, warmupSeconds: 0.5, durationSeconds: 3 },
  capacity: { ...homeSuites.capacity, load: { connections: 4 }, warmupSeconds: 0.5, durationSeconds: 2 },
}
const budgets = { p95Ms: 5000, meanMs: 5000, errorRate: 0.01, requestsPerMinute: 1000 }

let place: Workplace
let services: Service[] = []
beforeEach(() => (place = workplace()))
afterEach(async () => {
  for (const service of services) await service.close()
  services = []
  place.remove()
})

async function serve(...args: Parameters<typeof startService>): Promise<Service> {
  const service = await startService(...args)
  services.push(service)
  return service
}

async function gate(
  url: string,
  more: string[] = [],
  changes: Partial<Parameters<Workplace['configure']>[0]> = {},
): Promise<Ran & { verdict: Verdict }> {
  place.configure({ target: { url }, probes: { home: { journey: 'home' } }, suites, budgets, ...changes })
  const ran = await place.vigil(['gate', '--json', '--target', url, ...more])
  if (ran.stdout === '') throw new Error(ran.stderr)
  return { ...ran, verdict: JSON.parse(ran.stdout) as Verdict }
}

/** Copies a run's folder as that of a run some hours earlier, and returns its id. */
function copyRun(run: Run, hoursEarlier: number): string {
  const runs = join(place.folder, '.vigil', 'runs')
  const startedAt = new Date(Date.parse(run.startedAt) - hoursEarlier * 3_600_000).toISOString()
  const id = run.id.replace(/\w{4}$/, `copy${hoursEarlier}`)
  cpSync(join(runs, run.id), join(runs, id), { recursive: true })
  writeFileSync(join(runs, id, 'record.json'), JSON.stringify({ ...run, id, startedAt }))
  const verdict = readFileSync(join(runs, run.id, 'verdict.json'), 'utf8')
  writeFileSync(join(runs, id, 'verdict.json'), verdict.replaceAll(run.id, id))
  return id
}

describe('the gate', () => {
  it('passes a healthy service and leaves every report', async () => {
    const service = await serve((_request, response) => response.end('ok'))
    const { code, verdict, stderr } = await gate(service.url)
    expect(
      verdict.rows.filter((row) => row.status !== 'pass'),
      stderr,
    ).toEqual([])
    expect([verdict.verdict, code]).toEqual(['pass', 0])
    const [id] = readdirSync(join(place.folder, '.vigil', 'gates'))
    for (const name of ['verdict.json', 'report.html', 'report.md', 'junit.xml', 'metrics.prom'])
      expect(existsSync(join(place.folder, '.vigil', 'gates', id ?? '', name)), name).toBe(true)
    const runs = readdirSync(join(place.folder, '.vigil', 'runs'))
    expect(runs).toHaveLength(2)
    const accepted = await place.vigil(['baseline', 'accept', join('.vigil', 'gates', id ?? ''), '--json'])
    const { baselines } = JSON.parse(accepted.stdout) as { baselines: { runs: string[] }[] }
    expect(baselines.flatMap((baseline) => baseline.runs).toSorted()).toEqual(runs.toSorted())
    for (const run of runs) {
      expect(readdirSync(join(place.folder, '.vigil', 'runs', run))).toEqual(
        expect.arrayContaining([
          'record.json',
          'verdict.json',
          'report.html',
          'report.md',
          'junit.xml',
          'metrics.prom',
        ]),
      )
    }
  })

  it('fails a service that answers in 700 ms, by its p95', async () => {
    const service = await serve((_request, response) => setTimeout(() => response.end('ok'), 700))
    const { code, verdict } = await gate(service.url, ['--engine', 'autocannon'], {
      suites: { capacity: { ...suites.capacity, load: { connections: 100 } } },
      budgets: { ...budgets, p95Ms: 500 },
    })
    const p95 = verdict.rows.find((row) => row.metric === 'p95Ms')
    expect([p95?.status, verdict.verdict, code]).toEqual(['fail', 'fail', 1])
    expect(p95?.actual).toBeGreaterThanOrEqual(695)
    expect(p95?.message).toMatch(/^p95 \d{3,4} ms, budget < 500 ms/)
  })

  it('fails a service with 2 % errors, by its error rate and nothing else', async () => {
    const service = await serve((_request, response, index) => {
      response.statusCode = index % 50 === 7 ? 500 : 200
      response.end('ok')
    })
    const { code, verdict } = await gate(service.url, ['--engine', 'k6'])
    expect(verdict.rows.filter((row) => row.status === 'fail').map((row) => row.metric)).toEqual([
      'errorRate',
    ])
    expect(verdict.rows.find((row) => row.metric === 'errorRate')?.actual).toBeCloseTo(0.02, 2)
    expect(code).toBe(1)
  })

  it('in advisory mode exits 0 on a fail, with its owner and claim, and names its files', async () => {
    const service = await serve((_request, response) => response.writeHead(500).end())
    const facts = { owner: 'team-checkout', claim: 'Nobody waits for the home page.' }
    const { code, verdict } = await gate(service.url, ['--suite', 'rate', '--mode', 'advisory'], {
      suites: { ...suites, rate: { ...suites.rate, ...facts } },
      probes: {},
    })
    expect([verdict.verdict, code]).toEqual(['fail', 0])
    const { mode, reports, runs } = z
      .object({
        mode: z.string(),
        reports: z.record(z.string(), z.string()),
        runs: z.array(
          z.object({ suite: z.string(), verdict: z.string(), reports: z.record(z.string(), z.string()) }),
        ),
      })
      .parse(verdict)
    expect(mode).toBe('advisory')
    expect(runs.map(({ suite, verdict: word }) => [suite, word])).toEqual([['rate', 'fail']])
    for (const file of [...Object.values(reports), ...Object.values(runs[0]?.reports ?? {})])
      expect(existsSync(file), file).toBe(true)
    const text = readFileSync(reports['markdown'] ?? '', 'utf8')
    for (const fact of Object.values(facts)) expect(text).toContain(fact)
  })

  it('does not take a redirect for an answer: exit 4, class redirect', async () => {
    const service = await serve((_request, response) =>
      response.writeHead(302, { location: 'http://login.example/' }).end(),
    )
    const { code, verdict } = await gate(service.url)
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows[0]?.message).toContain('redirect')
    expect(service.seen()).toBe(1)
  })

  it('does not load a target that is down: exit 4, class connect', async () => {
    const { code, verdict } = await gate(`http://127.0.0.1:${await freePort()}`)
    expect([verdict.verdict, code]).toEqual(['invalid', 4])
    expect(verdict.rows[0]?.message).toContain('(connect)')
  })

  it('fails a service that answers 500, without loading what does not work', async () => {
    const service = await serve((_request, response) => {
      response.statusCode = 500
      response.end('sorry')
    })
    const { code, verdict } = await gate(service.url)
    expect([verdict.verdict, code]).toEqual(['fail', 1])
    expect(verdict.rows[0]?.message).toMatch(/probe home is down: .*500/)
    expect(service.seen()).toBeLessThan(10)
  })

  it('and the load fail a service that is slower than its accepted runs, within every budget', async () => {
    const quick = await serve((_request, response) => response.end('ok'))
    const load = ['load', 'capacity', '--json', '--target', quick.url]
    place.configure({ target: { url: quick.url }, suites, budgets })
    const run = JSON.parse((await place.vigil(load)).stdout) as Run
    const ids = [1, 2, 3, 4, 5].map((hour) => copyRun(run, hour))
    const accepted = await place.vigil(['baseline', 'accept', ...ids])
    expect(accepted.code, accepted.stderr).toBe(0)

    const slow = await serve((_request, response) => setTimeout(() => response.end('ok'), 60))
    const { code, verdict, stderr } = await gate(slow.url, ['--engine', 'autocannon'])
    const failed = verdict.rows.filter(({ status }) => status === 'fail')
    expect([code, ...new Set(failed.map(({ rule }) => rule))], stderr).toEqual([1, 'baseline'])
    const loaded = await place.vigil(['load', 'capacity', '--target', slow.url])
    expect([loaded.code, loaded.stdout], loaded.stderr).toEqual([
      1,
      expect.stringContaining('of 5 accepted runs'),
    ])
  })

  it('fails a service killed in the middle of a run, with the class and the second it began', async () => {
    const service = await serve((_request, response, index) => {
      response.end('ok')
      if (index === 200) void service.close()
    })
    const { code, verdict, stderr } = await gate(service.url, ['--engine', 'autocannon'], {
      suites: { capacity: { ...suites.capacity, warmupSeconds: 0 } },
    })
    expect([verdict.verdict, code], stderr).toEqual(['fail', 1])
    const [run] = readdirSync(join(place.folder, '.vigil', 'runs'))
    const record = JSON.parse(
      readFileSync(join(place.folder, '.vigil', 'runs', run ?? '', 'record.json'), 'utf8'),
    ) as Run
    const connect = record.failures?.find((failure) => failure.class === 'connect')
    // Four connections that rest for 20 ms after each error.
    expect(connect?.count).toBeGreaterThan(20)
    expect(connect?.firstAtMs).toBeGreaterThan(0)
    expect(connect?.firstAtMs).toBeLessThan(2000)
  })
})

describe('interrupts', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s in the middle of a load ends it within 10 s, keeps a record marked interrupted, exit %i',
    async (signal, expected) => {
      const service = await serve((_request, response) => response.end('ok'))
      place.configure({
        target: { url: service.url },
        suites: { capacity: { ...suites.capacity, durationSeconds: 600 } },
        budgets,
      })
      let measuring = (): void => undefined
      const begun = new Promise<void>((resolve) => (measuring = resolve))
      const { process: child, ran } = place.start(
        ['load', '--json', '--config', 'vigil.config.mjs', '--target', service.url],
        {
          onStderr: (text) => {
            if (text.includes('measuring')) measuring()
          },
        },
      )
      await begun
      const clock = startRunningClock()
      child.kill(signal)
      const { code, stdout } = await ran
      expect(code).toBe(expected)
      expect(clock.elapsedMs()).toBeLessThan(10_000)
      expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, validity: { valid: false } })
    },
  )
})
