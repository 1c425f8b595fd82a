import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sqlClient from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { eventually, lockTables, startTestService } from '../testing/index.ts'
import type { Answer, Client, TestService } from '../testing/index.ts'
import { startEmbeddedPostgres } from './embedded/server.ts'
import type { EmbeddedPostgres } from './embedded/server.ts'

const pageShape = z.object({
  items: z.array(z.object({ title: z.string() })),
  nextCursor: z.string().nullable(),
})
let folder: string
let postgres: EmbeddedPostgres
let running: TestService
let user: Client

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'todo-outage-'))
  postgres = await startEmbeddedPostgres(join(folder, 'postgres'), () => undefined)
  running = await startTestService(postgres.url, { DATABASE_POOL: '4', CACHE_ENTRIES: '0' })
  user = (await running.client.register()).client
})

afterAll(async () => {
  await running.stop()
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

// The postmaster and every process it has made.
function postgresPids(): number[] {
  const postmaster = Number.parseInt(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8'), 10)
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
  return [postmaster, ...children.filter((pid) => pid > 0)]
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // The process has ended in the meantime.
    }
  }
}

/**
 * A request has 4.5 s. The rest is for a machine that stands still meanwhile; the database does not answer at
 * all, so that without the limit there would be no answer.
 */
const answeredWithinMs = 20_000

async function timed(request: Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const started = performance.now()
  const answer = await request
  return { answer, ms: performance.now() - started }
}

async function expectUnavailable(request: Promise<Answer>): Promise<void> {
  const { answer, ms } = await timed(request)
  expect(answer).toMatchObject({ status: 503 })
  expect(ms).toBeLessThan(answeredWithinMs)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
}

async function expectOutageAndRecovery(): Promise<void> {
  await Promise.all([
    expectUnavailable(user.get('/tasks')),
    expectUnavailable(user.send('POST', '/tasks', { title: 'x' })),
    ...Array.from({ length: 20 }, () => expectUnavailable(user.get('/auth/me'))),
  ])
  expect((await running.client.get('/health')).status).toBe(200)
  const ready = await timed(running.client.get('/health/ready'))
  expect(ready.answer.status).toBe(503)
  expect(ready.answer.json).toMatchObject({ services: { database: false, auth: true } })
  expect(ready.ms).toBeLessThan(answeredWithinMs)
}

async function expectRecovery(): Promise<void> {
  await eventually('requests are served again', 60_000, async () => (await user.get('/tasks')).status === 200)
  expect((await running.client.get('/health/ready')).status).toBe(200)
}

describe('a database that', () => {
  test('does not answer (SIGSTOP): 503 in time, and served again when it does', async () => {
    expect.hasAssertions()
    const pids = postgresPids()
    signalAll(pids, 'SIGSTOP')
    onTestFinished(() => signalAll(pids, 'SIGCONT'))
    await expectOutageAndRecovery()
    signalAll(pids, 'SIGCONT')
    await expectRecovery()
  })

  test('is killed (SIGKILL): each request answered in time, by 503 or, once it is back, well', async () => {
    signalAll(postgresPids(), 'SIGKILL')
    // It is started again immediately, so the number of requests during the outage varies.
    const answers = await Promise.all(Array.from({ length: 20 }, async () => timed(user.get('/tasks'))))
    for (const { answer, ms } of answers) {
      expect([200, 503]).toContain(answer.status)
      expect(ms).toBeLessThan(answeredWithinMs)
    }
    await expectRecovery()
  })

  test('is killed during transactions: each ends in time, and acknowledged writes persist', async () => {
    const state = { isOver: false }
    const acknowledged: string[] = []
    const statuses = new Set<number>()
    const writers = Array.from({ length: 12 }, async (_unused, writer) => {
      for (let index = 0; !state.isOver; index += 1) {
        const title = `written ${writer} ${index}`
        const { answer, ms } = await timed(user.send('POST', '/tasks/bulk', { create: [{ title }] }))
        statuses.add(answer.status)
        if (answer.status === 200) acknowledged.push(title)
        else await new Promise((resolve) => setTimeout(resolve, 20))
        if (ms > answeredWithinMs) statuses.add(-1)
      }
    })
    await eventually('transactions run', 60_000, () => acknowledged.length > 50)
    signalAll(postgresPids(), 'SIGKILL')
    const before = acknowledged.length
    await eventually('some were refused', 60_000, () => statuses.has(503))
    await eventually('transactions run again', 60_000, () => acknowledged.length > before + 50)
    state.isOver = true
    await Promise.all(writers)
    expect([...statuses].toSorted((a, b) => a - b)).toEqual([200, 503])
    const found = new Set<string>()
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.infer<typeof pageShape> = pageShape.parse(
        (await user.get(`/tasks?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`)).json,
      )
      for (const task of page.items) found.add(task.title)
      cursor = page.nextCursor
    }
    expect(acknowledged.filter((title) => !found.has(title))).toEqual([])
  })

  test('has its tables locked: 503 in time, and served again when they are free', async () => {
    expect.hasAssertions()
    const lock = await lockTables(postgres.url, 'users, tasks')
    onTestFinished(lock.release)
    await expectOutageAndRecovery()
    await lock.release()
    await expectRecovery()
  })

  test('ends the connections of the pool: requests are served again immediately', async () => {
    expect.hasAssertions()
    const client = sqlClient(postgres.url, { max: 1, onnotice: () => undefined })
    onTestFinished(() => client.end({ timeout: 1 }))
    await client.unsafe(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'todo-backend'",
    )
    await expectRecovery()
  })
})

test('a metric counts the failed connections', async () => {
  expect((await running.client.get('/metrics')).text).toMatch(/^db_connection_errors_total [1-9]\d*$/m)
})
