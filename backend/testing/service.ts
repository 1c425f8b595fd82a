import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { startEmbeddedPostgres } from '../db/embedded/server.ts'
import type { EmbeddedPostgres } from '../db/embedded/server.ts'
import { startService } from '../service.ts'
import type { Service } from '../service.ts'
import { Client } from './client.ts'

/** A PostgreSQL for one test file. Closing it removes its data. */
export interface TestPostgres {
  /** The address of a new, empty database. */
  newDatabase: () => Promise<string>
  close: () => Promise<void>
}

export async function startTestPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'todo-backend-'))
  const cluster = await startEmbeddedPostgres(join(folder, 'postgres'), () => undefined)
  let made = 0
  return {
    newDatabase: () => createDatabase(cluster, `test_${(made += 1)}`),
    close: async () => {
      await cluster.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function createDatabase(cluster: EmbeddedPostgres, name: string): Promise<string> {
  const client = postgres(cluster.url, { max: 1, onnotice: () => undefined })
  await client.unsafe(`create database ${name}`)
  await client.end()
  const url = new URL(cluster.url)
  url.pathname = `/${name}`
  return url.href
}

/**
 * Blocks readers of tables, such as `users, tasks`, until `release` is called. A second call does nothing.
 */
export async function lockTables(
  databaseUrl: string,
  tables: string,
): Promise<{ hasWaiter: () => Promise<boolean>; release: () => Promise<void> }> {
  const client = postgres(databaseUrl, { max: 2, onnotice: () => undefined })
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = client.begin(async (tx) => {
    await tx.unsafe(`lock table ${tables} in access exclusive mode`)
    locked.resolve()
    await held.promise
  })
  await Promise.race([locked.promise, holding])
  return {
    hasWaiter: async () => (await client.unsafe('select from pg_locks where not granted')).length > 0,
    release: async () => {
      held.resolve()
      await holding
      await client.end({ timeout: 1 })
    },
  }
}

export interface TestService {
  client: Client
  service: Service
  url: string
  stop: () => Promise<void>
}

/** Starts the service on a free port, with limits that tests do not reach unless `env` sets them. */
export async function startTestService(
  databaseUrl: string,
  env: Record<string, string> = {},
): Promise<TestService> {
  const service = await startService(testConfig({ DATABASE_URL: databaseUrl, ...env }))
  await service.ready
  const url = `http://127.0.0.1:${service.address.port}`
  return { service, url, client: new Client(url), stop: () => service.stop(true) }
}

export function testConfig(env: Record<string, string>): Config {
  return readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    RATE_LIMIT_PER_MINUTE: '100000',
    AUTH_RATE_LIMIT_PER_MINUTE: '100000',
    ...env,
  })
}
