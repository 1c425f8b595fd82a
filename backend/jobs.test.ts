import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBackgroundScope, Database } from './db/index.ts'
import { createLog, createMetrics } from './observability/index.ts'
import { startTestPostgres } from './testing/index.ts'
import type { TestPostgres } from './testing/index.ts'
import { eventually } from './testing/process.ts'
import { JobQueue } from './jobs.ts'

let postgres: TestPostgres
let url: string
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  url = await postgres.newDatabase()
  database = new Database(url, 2, {
    queryDone: () => undefined,
    connectionError: () => undefined,
    stateChanged: () => undefined,
  })
})
afterAll(async () => {
  await database.close(1000)
  await postgres.close()
})

test('a job that fails is tried again, and given up after its last try, once', async () => {
  const tried: string[] = []
  const givenUp: string[] = []
  const { log, close } = createLog({ level: 'silent' })
  const queue = new JobQueue(
    { url, metrics: createMetrics(), log, retries: 1 },
    {
      hopeless: {
        run: async (id) => {
          tried.push(id)
          throw new Error('never')
        },
        giveUp: async (id) => void givenUp.push(id),
      },
    },
  )
  await queue.start()
  await database.transaction(createBackgroundScope(5000), async (tx) =>
    queue.enqueue(tx, 'hopeless', 'job-1'),
  )
  await eventually('the job is given up', 25_000, () => givenUp.length > 0)
  expect(tried).toEqual(['job-1', 'job-1'])
  expect(givenUp).toEqual(['job-1'])
  await queue.stop(500)
  await close()
})

test('many simultaneous jobs run one after the other without a pause', async () => {
  const done: string[] = []
  const { log, close } = createLog({ level: 'silent' })
  const queue = new JobQueue(
    { url, metrics: createMetrics(), log },
    { many: { run: async (id) => (done.push(id), 'done'), giveUp: () => Promise.resolve() } },
  )
  await queue.start()
  const ids = Array.from({ length: 30 }, (_, index) => `job-${index}`)
  await database.transaction(createBackgroundScope(5000), async (tx) => {
    for (const id of ids) await queue.enqueue(tx, 'many', id)
  })
  // At one in two seconds, which is the polling interval without notifications, this would take a
  // minute.
  await eventually('all are done', 20_000, () => done.length === ids.length)
  expect(done.toSorted()).toEqual(ids.toSorted())
  await queue.stop(500)
  await close()
})
