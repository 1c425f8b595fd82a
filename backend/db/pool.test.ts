import postgres from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startTestPostgres, startTestService } from '../testing/index.ts'
import type { TestPostgres } from '../testing/index.ts'
import { ConnectionQueue, DatabaseBusy } from './availability.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.close())

test('a ready service has opened its entire pool, so no request waits for a new connection', async () => {
  const url = await server.newDatabase()
  const running = await startTestService(url, { DATABASE_POOL: '7' })
  onTestFinished(() => running.stop())
  const sql = postgres(url, { max: 1 })
  onTestFinished(() => sql.end())
  const [row] = await sql<{ open: number }[]>`select count(*)::int as open from pg_stat_activity
    where application_name = 'todo-backend' and datname = current_database()`
  expect(row?.open).toBe(7)
})

test('the queue for a connection is bounded, in length and in time, and served in order', async () => {
  const waitMs = 100
  const queue = new ConnectionQueue(1, 2, waitMs)
  await queue.acquire()
  const startedMs = performance.now()
  const order: string[] = []
  const second = queue.acquire().then(() => void order.push('second'))
  const third = queue.acquire()
  third.catch(() => undefined)
  expect([queue.inUse, queue.waiting]).toEqual([1, 2])
  await expect(queue.acquire()).rejects.toBeInstanceOf(DatabaseBusy)
  expect(performance.now() - startedMs).toBeLessThan(waitMs)
  queue.release()
  await second
  expect([order, queue.inUse, queue.waiting]).toEqual([['second'], 1, 1])
  await expect(third).rejects.toThrow('no connection was free within 100 ms')
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(waitMs - 1)
  queue.release()
  expect([queue.inUse, queue.waiting, queue.tryAcquire(), queue.tryAcquire()]).toEqual([0, 0, true, false])
})
