import { execFileSync } from 'node:child_process'
import { chownSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import sqlClient from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../config/config.ts'
import { eventually, startTestService } from '../testing/index.ts'
import { readAddress } from './address.ts'
import { startEmbeddedPostgres } from './embedded/server.ts'
import type { EmbeddedPostgres } from './embedded/server.ts'

let folder: string
let postgres: EmbeddedPostgres
let data: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'todo-tls-'))
  data = join(folder, 'postgres')
  postgres = await startEmbeddedPostgres(data, () => undefined)
  for (const [name, host] of [
    ['server', '127.0.0.1'],
    ['other', '127.0.0.2'],
  ] as const) {
    const [key, certificate] = [join(data, `${name}.key`), join(data, `${name}.crt`)]
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=IP:${host}`]
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject].concat([
        '-keyout',
        key,
        '-out',
        certificate,
      ]),
      { stdio: 'ignore' },
    )
    const { uid, gid } = statSync(data)
    for (const file of [key, certificate]) chownSync(file, uid, gid)
  }
})
afterAll(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Turns TLS on, with a certificate of its own, or off. */
async function setTls(certificate: 'off' | 'server' | 'other'): Promise<void> {
  const client = sqlClient(postgres.url, { max: 1, ssl: 'prefer' })
  if (certificate !== 'off') {
    await client.unsafe(`alter system set ssl_cert_file = '${join(data, `${certificate}.crt`)}'`)
    await client.unsafe(`alter system set ssl_key_file = '${join(data, `${certificate}.key`)}'`)
  }
  await client.unsafe(`alter system set ssl = ${certificate === 'off' ? 'off' : 'on'}`)
  await client.unsafe('select pg_reload_conf()')
  await client.end()
  await eventually('the setting is read', 60_000, async () => {
    const other = sqlClient(postgres.url, { max: 1, ssl: 'prefer' })
    const [row] = await other<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
    await other.end()
    return row?.ssl === (certificate !== 'off')
  })
}

/** Whether the API and its job queue can be used with these parameters, and which of them use TLS. */
async function useService(parameters: string): Promise<{ ready: number; queue: boolean; tls: string[] }> {
  const running = await startTestService(`${postgres.url}${parameters}`)
  try {
    const { client } = await running.client.register()
    let queue = false
    await eventually('the queue has started', 60_000, async () => {
      queue = (await client.send('POST', '/exports', { format: 'json' })).status === 202
      return queue
    })
    const ready = (await running.client.get('/health/ready')).status
    const direct = sqlClient(postgres.url, { max: 1, ssl: 'prefer' })
    // PostgreSQL may not have ended the connections of this file yet.
    const rows = await direct<{ name: string }[]>`
      select distinct application_name as name from pg_stat_ssl join pg_stat_activity using (pid)
      where ssl and application_name like 'todo-backend%' order by 1`
    await direct.end()
    return { ready, queue, tls: rows.map(({ name }) => name) }
  } finally {
    await running.stop()
  }
}

const all = ['todo-backend', 'todo-backend-jobs']

describe('without TLS on the server', () => {
  test.each(['', '?sslmode=disable', '?sslmode=allow', '?sslmode=prefer'])('%j works', async (parameters) => {
    await setTls('off')
    expect(await useService(parameters)).toEqual({ ready: 200, queue: true, tls: [] })
  })
})

describe('with TLS on the server', () => {
  test.each(['', '?sslmode=disable'])('%j is plain for all users', async (parameters) => {
    await setTls('server')
    expect(await useService(parameters)).toEqual({ ready: 200, queue: true, tls: [] })
  })

  test.each([
    '?sslmode=allow',
    '?sslmode=prefer',
    '?sslmode=require',
    '?sslmode=require&channel_binding=prefer',
    '?sslmode=require&sslrootcert=ROOT',
    '?sslmode=verify-ca&sslrootcert=ROOT',
    '?sslmode=verify-full&sslrootcert=ROOT',
    '?pgbouncer=true&sslmode=verify-full&sslrootcert=ROOT&channel_binding=require',
    '?schema=public&connection_limit=3&sslmode=require',
  ])('%s is TLS for all users', async (parameters) => {
    await setTls('server')
    const given = parameters.replace('ROOT', join(data, 'server.crt'))
    expect(await useService(given)).toEqual({ ready: 200, queue: true, tls: all })
  })

  test('verify-ca accepts a certificate of another host, verify-full does not', async () => {
    await setTls('other')
    const root = `&sslrootcert=${join(data, 'other.crt')}`
    expect(await useService(`?sslmode=verify-ca${root}`)).toMatchObject({ ready: 200, tls: all })
    expect(await connectProblem(`?sslmode=verify-full${root}`)).toMatch(/IP: 127\.0\.0\.1/)
    for (const parameters of ['?sslmode=verify-full', '?sslmode=require&sslrootcert=system'])
      expect(await connectProblem(parameters)).toMatch(/self-signed certificate/)
  })
})

async function connectProblem(parameters: string): Promise<string> {
  const client = new pg.Client(readAddress(`${postgres.url}${parameters}`).connection)
  try {
    await client.connect()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await client.end()
  }
}

test.each([
  ['sslmode=on', 'DATABASE_URL: found sslmode "on", expected disable, allow, prefer, require, verify-ca, '],
  ['sslmode=verify-ca&sslrootcert=/none', 'DATABASE_URL: found sslrootcert: /none: ENOENT, expected a file'],
  ['sslmode=verify-ca', 'DATABASE_URL: found sslmode verify-ca without sslrootcert, expected a file with'],
  ['schema=private', 'DATABASE_URL: found schema "private", expected public'],
  ['connection_limit=0', 'DATABASE_URL: found connection_limit "0", expected a number from 1 to 999'],
  ['pgbouncer=1', 'DATABASE_URL: found pgbouncer "1", expected true, false'],
  [
    'sslmode=require&channel_binding=require',
    'DATABASE_URL: found channel_binding require, expected prefer, or require with sslmode=verify-full',
  ],
  [
    'pool_timeout=10',
    'DATABASE_URL: found parameter "pool_timeout", expected only sslmode, ssl, sslrootcert',
  ],
])('%s is refused at the start', (parameters, message) => {
  const env = { DATABASE_URL: `postgres://u:secret@h/d?${parameters}` }
  expect(() => readConfig(env)).toThrow(ConfigError)
  expect(() => readConfig(env)).toThrow(message)
})

test('while the job queue cannot start, the service is not ready', async () => {
  const direct = sqlClient(postgres.url, { max: 1, ssl: 'prefer', onnotice: () => undefined })
  await direct.unsafe('create database unusable')
  const address = new URL(postgres.url)
  address.pathname = '/unusable'
  const other = sqlClient(address.href, { max: 1, ssl: 'prefer', onnotice: () => undefined })
  // The queue takes it for its own table of another version.
  await other.unsafe('create schema jobs; create table jobs.version (unknown int)')
  const running = await startTestService(address.href)
  try {
    await eventually('not ready', 60_000, async () => {
      const { status, json } = await running.client.get('/health/ready')
      expect([200, 503]).toContain(status)
      return status === 503 && JSON.stringify(json).includes('"database":false')
    })
    await other.unsafe('drop schema jobs cascade')
    await eventually('ready', 60_000, async () => (await running.client.get('/health/ready')).status === 200)
  } finally {
    await running.stop()
    await other.end()
    await direct.end()
  }
})
