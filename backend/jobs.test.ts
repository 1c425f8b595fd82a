import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createBackgroundScope, Database } from './db/index.ts'
import { createLog, createMetrics } from './observability/index.ts'
import { startTestPostgres } from './testing/index.ts'
import type { TestPostgres } from './testing/index.ts'
import { eventually } from './testing/process.ts'
import { JobQueue } from './jobs.ts'

const observer = {
  queryDone: () => undefined,
  connectionError: () => undefined,
  stateChanged: () => undefined,
}

let postgres: TestPostgres
let url: string
let database: Database
beforeAll(async () => {
  postgres = await startTestPostgres()
  url = await postgres.newDatabase()
  database = await Database.open(url, 2, observer)
})
afterAll(async () => {
  await database.close(1000)
  await postgres.close()
})

test('a job that fails is tried again, and given up after its last try, once', async () => {
  const tried: string[] = []
  const givenUp: string[] = []
  const { log, close } = createLog({ level: 'silent' })
  const queue = new JobQueue({ url, metrics: createMetrics(), log, retries: 1 })
  queue.start({
    hopeless: {
      run: async (id) => {
        tried.push(id)
        throw new Error('never')
      },
      giveUp: async (id) => void givenUp.push(id),
    },
  })
  await queue.requireStarted()
  await database.transaction(createBackgroundScope(5000), async (tx) =>
    queue.enqueue(tx, 'hopeless', 'job-1', { account: 'a', unfinished: 0 }),
  )
  await eventually('the job is given up', 60_000, () => givenUp.length > 0)
  expect(tried).toEqual(['job-1', 'job-1'])
  expect(givenUp).toEqual(['job-1'])
  await queue.stop(500)
  await close()
})

test('a new job wakes a worker, and many run one after the other without a pause', async () => {
  const done: string[] = []
  const { log, close } = createLog({ level: 'silent' })
  // Polling finds none of them within the time limit of this test.
  const queue = new JobQueue({ url, metrics: createMetrics(), log, pollingSeconds: 600 })
  queue.start({ many: { run: async (id) => (done.push(id), 'done'), giveUp: () => Promise.resolve() } })
  await queue.requireStarted()
  const ids = Array.from({ length: 30 }, (_, index) => `job-${index}`)
  await database.transaction(createBackgroundScope(5000), async (tx) => {
    for (const id of ids) await queue.enqueue(tx, 'many', id, { account: 'a', unfinished: 0 })
  })
  queue.wake('many')
  await eventually('all are done', 20_000, () => done.length === ids.length)
  expect(done.toSorted()).toEqual(ids.toSorted())
  await queue.stop(500)
  await close()
}, 30_000)

describe('jobs of accounts', () => {
  test('one account cannot occupy the queue: the first job of another runs next to its job', async () => {
    const { enqueue, running, finish } = await startHeldQueue()
    for (let index = 0; index < 5; index += 1) await enqueue(`a-${index}`, 'a', index)
    await eventually('the first of a runs', 60_000, () => running.has('a-0'))
    await enqueue('b-0', 'b', 0)
    await eventually('the first of b runs', 60_000, () => running.has('b-0'))
    expect([...running]).toEqual(['a-0', 'b-0'])
    finish('b-0')
    await enqueue('c-0', 'c', 0)
    await eventually('the first of c runs', 60_000, () => running.has('c-0'))
    expect([...running].toSorted()).toEqual(['a-0', 'c-0'])
  })

  test('accounts take turns: a first job runs before the second of an earlier account', async () => {
    const { enqueue, running, order, finish } = await startHeldQueue()
    for (const account of ['a', 'b'])
      for (let index = 0; index < 3; index += 1) await enqueue(`${account}-${index}`, account, index)
    await eventually('both run', 60_000, () => running.size === 2)
    for (const account of ['c', 'd']) await enqueue(`${account}-0`, account, 0)
    for (let done = 0; done < 8; done += 1) {
      await eventually(`job ${done + 1} runs`, 60_000, () => running.size > 0)
      // Whichever began first.
      const [first = ''] = running
      finish(first)
    }
    await eventually('all began', 60_000, () => order.length === 8)
    expect(order.slice(0, 4).toSorted()).toEqual(['a-0', 'b-0', 'c-0', 'd-0'])
    expect(order.slice(4, 6).toSorted()).toEqual(['a-1', 'b-1'])
  })
})

/** A queue whose jobs run until the test finishes them. */
async function startHeldQueue() {
  const running = new Set<string>()
  const order: string[] = []
  const held = new Map<string, () => void>()
  const { log, close } = createLog({ level: 'silent' })
  const ownUrl = await postgres.newDatabase()
  const own = await Database.open(ownUrl, 1, observer)
  const queue = new JobQueue({ url: ownUrl, metrics: createMetrics(), log })
  queue.start({
    held: {
      run: async (id) => {
        running.add(id)
        order.push(id)
        await new Promise<void>((resolve) => held.set(id, resolve))
        running.delete(id)
        return 'done'
      },
      giveUp: () => Promise.resolve(),
    },
  })
  await queue.requireStarted()
  const finish = (id: string): void => {
    running.delete(id)
    held.get(id)?.()
  }
  onTestFinished(async () => {
    for (const id of held.keys()) finish(id)
    await queue.stop(500)
    await own.close(500)
    await close()
  })
  /** `unfinished`: the number of jobs that the account has already. */
  const enqueue = async (id: string, account: string, unfinished: number): Promise<void> => {
    await own.transaction(createBackgroundScope(5000), (tx) =>
      queue.enqueue(tx, 'held', id, { account, unfinished }),
    )
    queue.wake('held')
  }
  return { enqueue, running, order, finish }
}
