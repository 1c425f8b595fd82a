import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { eventually, lockTables, startTestPostgres, startTestService, testConfig } from '../testing/index.ts'
import type { TestPostgres } from '../testing/index.ts'
import { startService } from '../service.ts'

let server: TestPostgres
let databaseUrl: string
let pooler: Pooler

describe.skipIf(inject('pgbouncer') === '')('behind a PgBouncer (needs 1.21 or later)', () => {
  beforeAll(async () => {
    server = await startTestPostgres()
    databaseUrl = await server.newDatabase()
    // As the README of the API says.
    const client = postgres(databaseUrl, { max: 1 })
    await client.unsafe(`
      alter role todo set statement_timeout = '3s';
      alter role todo set lock_timeout = '2s';
      alter role todo set idle_in_transaction_session_timeout = '5s'`)
    await client.end()
    pooler = await startPooler(databaseUrl)
  })
  afterAll(async () => {
    await pooler?.stop()
    await server?.close()
  })

  test('in transaction mode, all features work on fewer connections', async () => {
    const running = await startTestService(`${pooler.url}&pgbouncer=true`, {
      DATABASE_POOL: '8',
      CACHE_ENTRIES: '0',
    })
    onTestFinished(() => running.stop())
    const { client } = await running.client.register()
    const titles = Array.from({ length: 24 }, (_, index) => `Task ${index}`)
    const created = await Promise.all(titles.map((title) => client.send('POST', '/tasks', { title })))
    expect(new Set(created.map(({ status }) => status))).toEqual(new Set([201]))
    const lists = await Promise.all(titles.map(() => client.get('/tasks?limit=100')))
    for (const { json } of lists) expect(json).toHaveProperty('items.length', titles.length)
    expect((await client.send('POST', '/tasks/bulk', { create: [{ title: 'bulk' }] })).status).toBe(200)

    const requested = await client.send('POST', '/exports', { format: 'json' })
    await eventually('the export is done', 60_000, async () =>
      (await client.get(requested.headers.get('location') ?? '')).text.includes('"status":"done"'),
    )

    // Eight connections of the API prepared their statements on the pooler, which prepared them on its own.
    const clients = await pooler.console.unsafe('show clients')
    expect(clients.filter((row) => row['application_name'] === 'todo-backend')).toHaveLength(8)
    const servers = await pooler.console.unsafe('show servers')
    expect(servers.length).toBeLessThanOrEqual(poolSize)
    for (const rows of [clients, servers])
      expect(Math.max(...rows.map((row) => Number(row['prepared_statements'])))).toBeGreaterThan(1)
  })

  test('the time limits of the role end a query that waits for a lock', async () => {
    const running = await startTestService(`${pooler.url}&pgbouncer=true`, { CACHE_ENTRIES: '0' })
    onTestFinished(() => running.stop())
    const { client } = await running.client.register()
    expect((await client.get('/tasks')).status).toBe(200)
    const lock = await lockTables(databaseUrl, 'tasks')
    onTestFinished(() => lock.release())
    const refused = await client.get('/tasks')
    // The limit of the API's own client would answer later, and as for a database that is absent: after 5 s.
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
    await lock.release()
    expect((await client.get('/tasks')).status).toBe(200)
  })

  describe('the start ends with one line', () => {
    async function start(url: string): Promise<unknown> {
      const service = await startService(testConfig({ DATABASE_URL: url }))
      onTestFinished(() => service.stop(true))
      return service.ready
    }

    test('for one that the address does not name', async () => {
      await expect(start(pooler.url)).rejects.toThrow(
        /^DATABASE_URL: found a PgBouncer, expected pgbouncer=true in the address$/,
      )
    })

    test('for one that does not prepare statements, as none before version 1.21', async () => {
      const other = await startPooler(databaseUrl, ['max_prepared_statements = 0'])
      onTestFinished(() => other.stop())
      await expect(start(`${other.url}&pgbouncer=true`)).rejects.toThrow(
        /^DATABASE_URL: found a PgBouncer without prepared statements [^\n]* max_prepared_statements above 0$/,
      )
    })
  })
})

/** Connections of the pooler to the database. */
const poolSize = 3

interface Pooler {
  /** An address with parameters. */
  url: string
  /** Answers commands such as `show servers`. */
  console: Sql
  stop: () => Promise<void>
}

/** Starts a PgBouncer on a Unix socket, whose path no other process has. */
async function startPooler(databaseAddress: string, more: readonly string[] = []): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(databaseAddress)
  const folder = await mkdtemp(join(tmpdir(), 'todo-pgbouncer-'))
  // As root, PgBouncer changes to another user, who creates the socket.
  await chmod(folder, 0o777)
  const users = join(folder, 'users.txt')
  await writeFile(users, `"${username}" "${password}"\n`)
  const settings = join(folder, 'pgbouncer.ini')
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${port}`,
    '[pgbouncer]',
    `unix_socket_dir = ${folder}`,
    'listen_port = 6432',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    `admin_users = ${username}`,
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    ...more,
    ...(process.getuid?.() === 0 ? ['user = daemon'] : []),
  ]
  await writeFile(settings, `${lines.join('\n')}\n`)
  const child = spawn(inject('pgbouncer'), [settings], { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await eventually('PgBouncer listens', 60_000, () => {
    if (child.exitCode !== null) throw new Error(output)
    return output.includes('process up')
  })
  const connection = { host: folder, port: 6432, username, password, database: 'pgbouncer' }
  const console = postgres({ ...connection, max: 1, fetch_types: false, onnotice: () => undefined })
  return {
    url: `postgres://${username}:${password}@localhost${pathname}?host=${folder}&port=6432`,
    console,
    stop: async () => {
      await console.end({ timeout: 1 })
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
