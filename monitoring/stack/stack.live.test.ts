import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { workplace } from '../../cli/testing/vigil.ts'
import type { Ran, Workplace } from '../../cli/testing/vigil.ts'
import { onlyInContainers } from './plan.ts'
import { isRunning } from '../../runtime/processes/index.ts'
import { launchBrowser } from '../../runtime/browser/index.ts'
import { readState } from './index.ts'
import type { StackState } from './index.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const options = ['--monitoring', join(root, 'monitoring'), '--free-ports', '--interval', '2']

interface UpDocument {
  schema: string
  page: string
  components: { name: string; state: string; url: string; pid?: number }[]
  targets: { job: string; health: string }[]
}

let place: Workplace
let ran: Ran
let document: UpDocument
const urlOf = (name: string): string => document.components.find((part) => part.name === name)?.url ?? ''
const down = async (): Promise<Ran> => place.start(['down', '--out', '.vigil']).ran
const stateNow = (): StackState | undefined => readState(join(place.folder, '.vigil', 'stack'))
const processesOf = (state: StackState | undefined) =>
  (state?.components ?? []).flatMap(({ process }) => process ?? [])

async function query(
  expression: string,
): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  const response = await fetch(`${urlOf('prometheus')}/api/v1/query?query=${encodeURIComponent(expression)}`)
  return (
    (await response.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
  ).data.result
}

async function until<T>(
  look: () => T | Promise<T>,
  isIt: (found: T) => boolean,
  withinMs: number,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (isIt(found) || performance.now() > deadline) return found
    await sleep(50)
  }
}

beforeAll(async () => {
  place = workplace()
  place.configure({
    target: {
      url: 'http://127.0.0.1:8000',
      command: [process.execPath, join(root, 'backend/main.ts')],
      ready: '/health/ready',
    },
    journeys: join(root, 'journeys/todo/journeys.ts'),
    suites: {},
    probes: { health: { journey: 'health', every: '1s' } },
  })
  // As `npx vigil up` starts it: with npm's variables, and by a shell that ends before the stack does.
  ran = await place.vigil(['up', '--detach', '--json', ...options], { env: { npm_command: 'exec' } })
  if (ran.code === 0) document = JSON.parse(ran.stdout) as UpDocument
})

afterAll(async () => {
  await down().catch(() => undefined)
  place.remove()
})

describe('vigil up', () => {
  it('starts everything, and is up once Prometheus has scraped every target', () => {
    expect([ran.code, ran.stderr]).toEqual([0, ''])
    expect(document.schema).toBe('vigil.up/1')
    expect(document.components.map(({ name, state }) => `${name} ${state}`).toSorted()).toEqual(
      [
        'alertmanager',
        'backend',
        'node-exporter',
        'postgres',
        'postgres-exporter',
        'probes',
        'process-exporter',
        'prometheus',
        'pushgateway',
        'receiver',
      ].map((name) => `${name} up`),
    )
  })

  it('loads what production loads: its jobs, its rules, its Alertmanager', async () => {
    const production = parse(readFileSync(join(root, 'monitoring/prometheus/prometheus.yml'), 'utf8')) as {
      scrape_configs: { job_name: string }[]
      rule_files: string[]
    }
    const jobs = production.scrape_configs
      .map(({ job_name: name }) => name)
      .filter((name) => !onlyInContainers.includes(name))
    // On a machine that is busy a single scrape may be late: each of them has been up.
    expect(
      (await query('max by (job) (max_over_time(up[1m]))'))
        .map(({ metric, value }) => `${metric['job']} ${value[1]}`)
        .toSorted(),
    ).toEqual(jobs.map((job) => `${job} 1`).toSorted())
    const rules = (await (await fetch(`${urlOf('prometheus')}/api/v1/rules`)).json()) as {
      data: { groups: { file: string }[] }
    }
    expect(new Set(rules.data.groups.map(({ file }) => file))).toEqual(
      new Set(production.rule_files.map((file) => join(place.folder, '.vigil/stack/prometheus/rules', file))),
    )
    const managers = (await (await fetch(`${urlOf('prometheus')}/api/v1/alertmanagers`)).json()) as {
      data: { activeAlertmanagers: { url: string }[] }
    }
    expect(managers.data.activeAlertmanagers.map(({ url }) => url)).toEqual([
      `${urlOf('alertmanager')}/api/v2/alerts`,
    ])
  })

  it('has a page whose links all work, and which an alert names', async () => {
    const page = document.page
    expect(page).toBe(urlOf('receiver'))
    const linksOf = async (path: string): Promise<string[]> =>
      [...(await (await fetch(page + path)).text()).matchAll(/ href="([^"#]+)/g)]
        .map(([, href = '']) => new URL(href.replaceAll('&amp;', '&'), page).href)
        .filter((href) => href.startsWith('http://127.0.0.1'))
    const paths = ['/', '/dashboards', '/docs/runbooks/README.md', '/docs/onboarding.md']
    const links = [...new Set((await Promise.all(paths.map(linksOf))).flat())]
    expect(links.length).toBeGreaterThan(30)
    const dead = await Promise.all(
      links.map(async (link) => {
        const { status } = await fetch(link)
        return status === 200 ? [] : [`${status} ${link}`]
      }),
    )
    expect(dead.flat()).toEqual([])
    const rules = await (await fetch(`${urlOf('prometheus')}/api/v1/rules`)).text()
    expect(rules).toContain(`${page}/docs/runbooks/errors.md#apihigherrorrate`)
    expect(rules).not.toContain('example.com')
  })

  it('has pages that fit a telephone, in the light and in the dark', async () => {
    const browser = await launchBrowser(process.env)
    try {
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme })
        const paths = ['/', '/incidents', '/d/todo-database', '/docs/runbooks/errors.md', '/graph?g0.expr=up']
        for (const path of paths) {
          await page.goto(document.page + path)
          const width = await page.evaluate('document.documentElement.scrollWidth')
          expect([path, width]).toEqual([path, 390])
        }
      }
    } finally {
      await browser.close()
    }
  })

  it('has the metrics of the service, the probes, the machine, the database and the processes', async () => {
    const wanted = [
      'http_requests_total',
      'vigil_probe_success{probe="health"}',
      'node_filesystem_avail_bytes',
      'node_memory_MemAvailable_bytes',
      'pg_up == 1',
      'pg_stat_activity_count{datname="todo"}',
      'pg_settings_max_connections',
      'pg_stat_statements_seconds_total',
      'pg_replication_lag_seconds',
      'pg_stat_user_indexes_idx_scan',
      'namedprocess_namegroup_num_procs{groupname="backend"} >= 1',
      'push_time_seconds{job="load"}',
    ]
    await fetch(`${urlOf('pushgateway')}/metrics/job/load`, {
      method: 'PUT',
      body: 'vigil_run_requests_total 1\n',
    })
    const empty = await until(
      async () =>
        (
          await Promise.all(
            wanted.map(async (expression) => ((await query(expression)).length > 0 ? [] : [expression])),
          )
        ).flat(),
      (left) => left.length === 0,
      60_000,
    )
    expect(empty).toEqual([])
  })

  it('reports to a second one that it is up already', async () => {
    const second = await place.vigil(['up', ...options])
    expect([second.code, second.stdout]).toEqual([4, ''])
    expect(second.stderr).toMatch(/^vigil: the stack is up already \(process \d+\): 'vigil down' ends it\n$/)
  })

  it('knows what has ended by itself, and vigil down ends the rest and reports it', async () => {
    const before = stateNow()
    const processes = processesOf(before)
    expect(processes.length).toBe(9)
    process.kill(document.components.find(({ name }) => name === 'pushgateway')?.pid ?? 0, 'SIGKILL')
    const state = await until(
      stateNow,
      (now) => now?.components.some(({ ended }) => ended !== undefined) ?? false,
      60_000,
    )
    expect(state?.components.find(({ name }) => name === 'pushgateway')?.ended).toMatch(
      /^was ended by SIGKILL/,
    )
    const { code, stdout, stderr } = await down()
    expect([code, stdout]).toEqual([4, 'the stack is down\n'])
    expect(stderr).toMatch(/^vigil: pushgateway was ended by SIGKILL/)
    expect(processes.filter(isRunning)).toEqual([])
    expect(stateNow()).toBeUndefined()
    expect(await down()).toMatchObject({ code: 0, stdout: 'no stack is up\n' })
  })

  it('names a port that is in use, and leaves nothing running', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { code, stdout, stderr } = await place.vigil([
      'up',
      '--quiet',
      ...options,
      '--port',
      `pushgateway=${port}`,
    ])
    server.close()
    expect([code, stdout, stderr]).toEqual([4, '', `vigil: Pushgateway: port ${port} is in use\n`])
    expect(stateNow()).toBeUndefined()
  })

  it('leaves nothing behind when it is killed, and starts again after that', async () => {
    let output = ''
    let enough = (): void => undefined
    const backendUp = new Promise<void>((resolve) => (enough = resolve))
    const { process: child, ran: ended } = place.start(['up', '--config', 'vigil.config.mjs', ...options], {
      onStderr: (text) => {
        output += text
        if (output.includes('backend is up')) enough()
      },
    })
    await Promise.race([backendUp, ended])
    const state = await until(
      stateNow,
      (now) => now?.components.some(({ name }) => name === 'backend') ?? false,
      60_000,
    )
    const processes = processesOf(state)
    expect(processes.length).toBeGreaterThanOrEqual(7)
    child.kill('SIGKILL')
    await ended
    expect(
      await until(
        () => processes.filter(isRunning),
        (left) => left.length === 0,
        60_000,
      ),
    ).toEqual([])
    // Its state file is still there, and blocks no new stack.
    expect(stateNow()?.supervisor.pid).toBe(child.pid)
    expect(await down()).toMatchObject({ code: 0, stdout: 'no stack is up\n' })
  })
})
