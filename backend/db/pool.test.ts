import postgres from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startTestPostgres, startTestService } from '../testing/index.ts'
import type { TestPostgres } from '../testing/index.ts'

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
