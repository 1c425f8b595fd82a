import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ProbeConfig } from '../../config/index.ts'
import { runProbes } from '../../synthetics/index.ts'
import type { ProbeResult } from '../../record/index.ts'
import { readZip } from '../../synthetics/browser/redaction.ts'
import { startTarget } from '../../runtime/target/index.ts'
import type { RunningProcess } from '../../runtime/services/index.ts'
import { startContext } from '../index.ts'
import { credentials } from './account.ts'
import journeys from './journeys.ts'

/* Each probe against the real API: healthy, and with what it is there to find. */
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'vigil-todo-probes-'))
const faultsToken = 'a token for faults in a test'
let service: RunningProcess
let url: string

/**
 * Stands between probe and API, and changes what `meddle` says: the token of a request, the text of an
 * answer.
 */
let meddle: {
  token?: (path: string, sent: string) => string
  text?: (method: string, text: string) => string
} = {}
let meddlerUrl: string
const meddler = createServer((request, response) => {
  let body = ''
  request
    .setEncoding('utf8')
    .on('data', (chunk: string) => (body += chunk))
    .on('end', () => void passOn())
  const passOn = async (): Promise<void> => {
    const { method = 'GET', url: path = '/', headers } = request
    const sent = headers.authorization
    const answer = await fetch(url + path, {
      method,
      headers: {
        ...(headers['content-type'] !== undefined && { 'content-type': headers['content-type'] }),
        ...(sent !== undefined && { authorization: meddle.token?.(path, sent) ?? sent }),
      },
      ...(body !== '' && { body }),
    })
    const text = await answer.text()
    response
      .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
      .end(meddle.text?.(method, text) ?? text)
  }
})

async function listen(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  const free = createServer()
  url = await listen(free)
  await new Promise((resolve) => free.close(resolve))
  const env = {
    ...process.env,
    PORT: new URL(url).port,
    EMBEDDED_POSTGRES_DIR: join(folder, 'postgres'),
    FAULTS_TOKEN: faultsToken,
    RATE_LIMIT_PER_MINUTE: '100',
    AUTH_RATE_LIMIT_PER_MINUTE: '1000',
  }
  const started = await startTarget({
    url,
    command: [process.execPath, join(root, 'backend/main.ts')],
    ready: '/health/ready',
    cwd: root,
    env,
    timeoutMs: 60_000,
    logFile: join(folder, 'backend.log'),
    signal: new AbortController().signal,
  })
  if (started.state === 'failed') throw new Error(started.reason)
  service = started.service
  meddlerUrl = await listen(meddler)
})
afterAll(async () => {
  meddler.closeAllConnections()
  meddler.close()
  await service.stop()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(async () => {
  meddle = {}
  await faults('DELETE')
})

async function faults(method: 'PUT' | 'DELETE', rules?: unknown[]): Promise<void> {
  const body = rules && { body: JSON.stringify({ rules, ttlSeconds: 60 }) }
  const answer = await fetch(`${url}/_faults`, {
    method,
    headers: { authorization: `Bearer ${faultsToken}`, 'content-type': 'application/json' },
    ...body,
  })
  expect(answer.ok).toBe(true)
}

const mostRuns = 5
let runs = 0

/** Probes once; again while this machine stalls the prober in each attempt, which it says. */
async function probed(...args: Parameters<typeof probeOnce>): Promise<(ProbeResult & { run: string })[]> {
  for (let count = 1; ; count += 1) {
    const results = await probeOnce(...args)
    const isStalled = results.some(({ message }) => message?.startsWith('this prober stalled') === true)
    if (!isStalled || count === mostRuns) return results
  }
}

async function probeOnce(
  names: readonly string[],
  options: Partial<Pick<ProbeConfig, 'degradedMs'>> = {},
  targetUrl = url,
): Promise<(ProbeResult & { run: string })[]> {
  const run = `live-${Date.now()}-${(runs += 1)}`
  const probes = Object.fromEntries(
    names.map((name) => [name, { journey: name, attempts: 1, timeoutMs: 30_000, ...options }]),
  )
  const report = await runProbes({
    targetUrl,
    journeys,
    probes,
    run,
    signal: new AbortController().signal,
    now: Date.now,
    env: {},
  })
  return report.probes.map((probe) => ({ ...probe, run }))
}

/** Whether the account of a probe's only attempt can still be logged in to. */
async function accountLeft({ run, name }: { run: string; name: string }): Promise<boolean> {
  const { unique } = startContext(`${run}-${name}`, 0, 0)
  const statuses = []
  for (const of of [unique, `${unique}-other`]) {
    const answer = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(credentials({ user: 0, iteration: 0, unique: of, secrets: {} })),
    })
    statuses.push(answer.status)
  }
  return statuses.some((status) => status !== 401)
}

const accounts = new Set(['auth-flow', 'task-crud', 'export-import', 'authorization'])

describe('a healthy todo API', () => {
  it('is up for every probe, and no account is left behind', async () => {
    const results = await probed(journeys.map(({ name }) => name))
    expect(results.map(({ name, outcome, message }) => [name, outcome, message])).toEqual(
      journeys.map(({ name }) => [name, 'up', undefined]),
    )
    for (const result of results.filter(({ name }) => accounts.has(name)))
      expect([result.name, await accountLeft(result)]).toEqual([result.name, false])
  })

  it('is up for the rate limit also when the minute has been used up before', async () => {
    expect(await probed(['rate-limit'])).toMatchObject([{ outcome: 'up' }])
  })
})

describe('what a probe is there to find', () => {
  it('the database is gone: ready is down and names it, health is up', async () => {
    await faults('PUT', [{ dbDown: true }])
    expect(await probed(['health', 'ready', 'task-crud'])).toMatchObject([
      { outcome: 'up' },
      {
        outcome: 'down',
        message: expect.stringMatching(
          /^ready failed \(status\): status 503, expected 200; not ready: database \(trace/,
        ),
      },
      {
        outcome: 'down',
        message: expect.stringMatching(/^register failed \(status\): status 503, expected 201/),
      },
    ])
  })

  it('rate limiting is off: bypassed', async () => {
    await faults('PUT', [{ rateLimitOff: true }])
    expect(await probed(['rate-limit'])).toMatchObject([
      { outcome: 'down', message: expect.stringContaining('rate limiting is bypassed') },
    ])
  })

  it('slowness: degraded', async () => {
    await faults('PUT', [{ route: 'GET /health', latencyMs: 300 }])
    expect(await probed(['health'], { degradedMs: 250 })).toMatchObject([
      { outcome: 'degraded', message: expect.stringMatching(/^took \d+ ms, expected less than 250 ms$/) },
    ])
  })

  it('one field is wrong: down, with field, found and expected; the account is still removed', async () => {
    meddle = { text: (method, text) => (method === 'PATCH' ? text.replace('"in_progress"', '"todo"') : text) }
    const [result] = await probed(['task-crud'], {}, meddlerUrl)
    expect(result).toMatchObject({
      outcome: 'down',
      message: expect.stringMatching(
        /^update failed \(check\): status is "todo", expected "in_progress" \(trace [0-9a-f]{32}\)$/,
      ),
    })
    expect(result && (await accountLeft(result))).toBe(false)
  })

  it('one user sees what belongs to another: down', async () => {
    let owner: string | undefined
    meddle = {
      token: (path, sent) => {
        if (path === '/tasks') owner ??= sent
        return path.startsWith('/tasks/') && owner !== undefined ? owner : sent
      },
    }
    const [result] = await probed(['authorization'], {}, meddlerUrl)
    expect(result).toMatchObject({
      outcome: 'down',
      message: expect.stringMatching(
        /^other-reads failed \(check\): status 200, expected 404: another user may read it/,
      ),
    })
    expect(result && (await accountLeft(result))).toBe(false)
  })

  it('a job never ends: down, with the state it is stuck in', async () => {
    meddle = { text: (_method, text) => text.replace('"status":"done"', '"status":"running"') }
    expect(await probed(['export-import'], {}, meddlerUrl)).toMatchObject([
      {
        outcome: 'down',
        message: expect.stringMatching(
          /^export-done failed \(check\): status is "running", expected "done", unchanged after \d+ ms/,
        ),
      },
    ])
  })
})

describe('npx playwright test', () => {
  it(
    'plays the journeys as tests; of what failed it names the step and keeps a trace without its ' +
      'secrets',
    async () => {
      meddle = {
        text: (method, text) => (method === 'PATCH' ? text.replace('"in_progress"', '"todo"') : text),
      }
      const output = join(folder, 'playwright')
      const args = [
        join(root, 'node_modules/@playwright/test/cli.js'),
        'test',
        '-g',
        'health|auth-flow|task-crud',
        '--output',
        output,
      ]
      const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
        execFile(
          process.execPath,
          args,
          {
            cwd: root,
            env: { ...process.env, TARGET_URL: meddlerUrl, VIGIL_ENVIRONMENT: 'meddled', FORCE_COLOR: '0' },
          },
          (error, text) => resolve({ code: error?.code ?? 0, stdout: text }),
        )
      })
      expect(stdout).toMatch(/2 passed/)
      expect([code, stdout]).toEqual([
        1,
        expect.stringMatching(
          /\[meddled\][^\n]*task-crud › update[^]*update failed \(check\): status is "todo", expected "in_progress" \(trace [0-9a-f]{32}\)/,
        ),
      ])
      const archives = readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('trace.zip'),
      )
      expect(archives).toHaveLength(1)
      const text = archives
        .flatMap((name) => readZip(readFileSync(join(output, name))))
        .map(({ bytes }) => bytes.toString())
        .join('\n')
      expect(text).toContain('"method":"PATCH"')
      expect(text).not.toMatch(/eyJ[\w-]{4,}\.|pass phrase/)
    },
  )
})
