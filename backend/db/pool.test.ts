import postgres from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { eventually, startTestPostgres, startTestService } from '../testing/index.ts'
import type { TestPostgres } from '../testing/index.ts'
import { openPool } from './connections.ts'
import { createBackgroundScope, Database, DatabaseBusy } from './index.ts'
import { sql } from './drizzle.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.close())

const ignore = (): undefined => undefined
const observer = { queryDone: ignore, connectionError: ignore, stateChanged: ignore }

/** A pool of one connection. */
async function openDatabase(): Promise<Database> {
  const database = await Database.open(await server.newDatabase(), 1, observer)
  onTestFinished(() => database.close(1000))
  return database
}

test('a ready service has opened its entire pool, so no request waits for a new connection', async () => {
  const url = await server.newDatabase()
  const running = await startTestService(url, { DATABASE_POOL: '7' })
  onTestFinished(() => running.stop())
  const client = postgres(url, { max: 1 })
  onTestFinished(() => client.end())
  const [row] = await client<{ open: number }[]>`select count(*)::int as open from pg_stat_activity
    where application_name = 'todo-backend' and datname = current_database()`
  expect(row?.open).toBe(7)
})

test('the queue for a connection is bounded, in length and in time, and served in order', async () => {
  const database = await openDatabase()
  const order: number[] = []
  const run = (number: number) =>
    database
      .query(createBackgroundScope(5000), 'test', (db) => db.execute(sql`select 1`))
      .then(() => order.push(number))
  const held = Promise.withResolvers<void>()
  const holding = database.transaction(createBackgroundScope(5000), () => held.promise)
  await eventually('the connection is in use', 60_000, () => database.poolState.inUse === 1)
  const waiting = Array.from({ length: 50 }, (_, index) => run(index))
  expect(database.poolState).toEqual({ inUse: 1, size: 1, waiting: 50 })
  await expect(run(50)).rejects.toThrow(new DatabaseBusy('50 queries are already waiting'))
  held.resolve()
  await Promise.all([holding, ...waiting])
  expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index))
  const free = Promise.withResolvers<void>()
  const again = database.transaction(createBackgroundScope(5000), () => free.promise)
  await expect(run(51)).rejects.toBeInstanceOf(DatabaseBusy)
  free.resolve()
  await again
  expect(database.poolState).toEqual({ inUse: 0, size: 1, waiting: 0 })
})

test('a caller waits no longer than the time limit of its scope', async () => {
  const database = await openDatabase()
  // PostgreSQL itself would end it after 3 s, with another message.
  await expect(
    database.query(createBackgroundScope(200), 'test', (db) => db.execute(sql`select pg_sleep(60)`)),
  ).rejects.toThrow(new DatabaseBusy('no answer within the time limit'))
})

test('the error of a connection in use that no one expects does not end the process', async () => {
  const pool = await openPool(await server.newDatabase(), { application_name: 'test', max: 1 }, {})
  const client = await pool.connect()
  expect(() => client.emit('error', new Error('unexpected postmaster exit'))).not.toThrow()
  client.release(true)
  await pool.end()
})

test('behind a PgBouncer, connections begin without parameters that it refuses', async () => {
  const url = await server.newDatabase()
  const readLimit = async (address: string): Promise<unknown> => {
    const database = await Database.open(address, 1, observer)
    onTestFinished(() => database.close(1000))
    const { rows } = await database.queryInBackground('test', (db) =>
      db.execute(sql`select current_setting('statement_timeout') as limit`),
    )
    return rows
  }
  expect(await readLimit(url)).toEqual([{ limit: '3s' }])
  expect(await readLimit(`${url}?pgbouncer=true`)).toEqual([{ limit: '0' }])
})
