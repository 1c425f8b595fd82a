import sqlClient from 'postgres'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { BackendProcess, eventually, startTestPostgres } from '../testing/index.ts'
import type { Client, TestPostgres } from '../testing/index.ts'

let postgres: TestPostgres

beforeAll(async () => {
  postgres = await startTestPostgres()
})

afterAll(() => postgres.close())

const rows = 10_000
const file = `title\n${Array.from({ length: rows }, (_, index) => `t${index}`).join('\n')}`
const state = z.object({ id: z.string(), status: z.string(), rows: z.int().optional() })

async function ask(client: Client, kind: 'exports' | 'imports'): Promise<string> {
  let id = ''
  await eventually(`${kind} accepted`, 60_000, async () => {
    const answer =
      kind === 'imports'
        ? await client.send('POST', '/imports', file, { 'content-type': 'text/csv' })
        : await client.send('POST', '/exports', { format: 'json' })
    if (answer.status === 202) id = state.parse(answer.json).id
    return id !== ''
  })
  return id
}

const readState = async (client: Client, path: string) => state.parse((await client.get(path)).json)
const over = (client: Client, path: string, limitMs: number) =>
  eventually(`${path} over`, limitMs, async () =>
    ['done', 'failed'].includes((await readState(client, path)).status),
  )

test('jobs of a killed process leave no partial result and are done exactly once', async () => {
  const url = await postgres.newDatabase()
  const admin = sqlClient(url, { max: 1, onnotice: () => undefined })
  onTestFinished(() => admin.end({ timeout: 1 }))
  const countTasks = async (): Promise<number> =>
    Number((await admin<{ count: string }[]>`select count(*) from tasks`)[0]?.count)
  const env = { DATABASE_URL: url, AUTH_SECRET: 'the same secret for both of the two' }
  const first = new BackendProcess(env)
  onTestFinished(() => first.end())
  const account = (await (await first.ready()).register()).client
  await over(account, `/imports/${await ask(account, 'imports')}`, 30_000)

  const exportPath = `/exports/${await ask(account, 'exports')}`
  await eventually(
    'the export is at work',
    60_000,
    async () => (await readState(account, exportPath)).status !== 'queued',
  )
  const importPath = `/imports/${await ask(account, 'imports')}`
  await eventually(
    'the import is at work',
    60_000,
    async () => (await readState(account, importPath)).status !== 'queued',
  )
  first.signal('SIGKILL')
  await first.exit()

  // PostgreSQL takes a while to roll back; it never shows a partial result meanwhile.
  expect([rows, 2 * rows]).toContain(await countTasks())
  const second = new BackendProcess(env)
  onTestFinished(() => second.end())
  const again = (await second.ready()).as(account.token ?? '')
  const download = await again.get(`${exportPath}/download`)
  expect([200, 409]).toContain(download.status)
  await Promise.all([over(again, exportPath, 60_000), over(again, importPath, 60_000)])
  expect(await readState(again, importPath)).toMatchObject({ status: 'done', rows })
  expect(await countTasks()).toBe(2 * rows)
  const exported = await readState(again, exportPath)
  const tasks = z.array(z.object({ id: z.string() })).parse((await again.get(`${exportPath}/download`)).json)
  expect(exported).toMatchObject({ status: 'done', rows: tasks.length })
  expect(new Set(tasks.map(({ id }) => id)).size).toBe(tasks.length)
  expect(tasks.length).toBeGreaterThanOrEqual(rows)
})
