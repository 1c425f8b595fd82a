import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { eventually, lockTables, startTestService } from '../testing/index.ts'
import type { Client } from '../testing/index.ts'
import { taskPage, taskSchema } from '../tasks/model.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService()

const transfer = z.object({
  id: z.string(),
  status: z.string(),
  rows: z.int().optional(),
  failures: z.array(z.object({ row: z.int(), message: z.string() })).optional(),
})
const user = async (): Promise<Client> => (await running.client.register()).client
const listed = async (client: Client) =>
  taskPage.parse((await client.get('/tasks?limit=100&sort=title')).json).items

/** Sends it until the queue has started, waits until the job is over, and gives its last state. */
async function finished(
  client: Client,
  kind: 'exports' | 'imports',
  body: unknown,
  type = 'application/json',
) {
  let id = ''
  await eventually(`${kind} accepted`, 60_000, async () => {
    const answer = await client.send('POST', `/${kind}`, body, { 'content-type': type })
    if (answer.status === 202) id = transfer.parse(answer.json).id
    return answer.status === 202
  })
  await eventually(`${kind} over`, 60_000, async () =>
    ['done', 'failed'].includes(transfer.parse((await client.get(`/${kind}/${id}`)).json).status),
  )
  return transfer.parse((await client.get(`/${kind}/${id}`)).json)
}

const awkward = [
  {
    title: '=cmd()',
    description: 'a "quoted", line\r\nbreak',
    tags: ['x;y', 'z'],
    status: 'done',
    priority: 'high',
    dueAt: '2027-01-01T00:00:00.000Z',
  },
  { title: "'plain", description: null, tags: [], status: 'todo', priority: 'low', dueAt: null },
]

describe('an export', () => {
  test.each(['json', 'csv'])(
    'as %s holds every task, and imported by another user gives the same tasks',
    async (format) => {
      const [owner, other] = [await user(), await user()]
      for (const task of awkward) await owner.send('POST', '/tasks', task)
      const { id, status, rows } = await finished(owner, 'exports', { format })
      expect({ status, rows }).toEqual({ status: 'done', rows: 2 })
      const file = await owner.get(`/exports/${id}/download`)
      expect(file.headers.get('content-disposition')).toBe(`attachment; filename="tasks-${id}.${format}"`)
      const imported = await finished(
        other,
        'imports',
        file.text,
        format === 'csv' ? 'text/csv' : 'application/json',
      )
      expect(imported).toMatchObject({ status: 'done', rows: 2, failures: [] })
      expect(await listed(other)).toMatchObject(awkward.toSorted((a, b) => (a.title < b.title ? -1 : 1)))
    },
  )

  test('as csv begins with a byte order mark on request, and as json never', async () => {
    const client = await user()
    await client.send('POST', '/tasks', { title: 'naïve' })
    for (const [format, query, isMarked] of [
      ['csv', '?bom=true', true],
      ['csv', '?bom=false', false],
      ['csv', '', false],
      ['json', '?bom=true', false],
    ] as const) {
      const { id } = await finished(client, 'exports', { format })
      const answer = await fetch(`${running.url}/exports/${id}/download${query}`, {
        headers: { authorization: `Bearer ${client.token}` },
      })
      const [first] = new Uint8Array(await answer.arrayBuffer())
      expect([format, query, first === 0xef]).toEqual([format, query, isMarked])
    }
    expect((await client.get(`/exports/${crypto.randomUUID()}/download?bom=1`)).status).toBe(422)
  })

  test('of more tasks than one piece holds is whole and in order', async () => {
    const client = await user()
    for (let batch = 0; batch < 3; batch += 1)
      await client.send('POST', '/tasks/bulk', {
        create: Array.from({ length: 500 }, (_, index) => ({ title: `t${batch * 500 + index}` })),
      })
    const { id } = await finished(client, 'exports', { format: 'json' })
    const tasks = z.array(taskSchema).parse((await client.get(`/exports/${id}/download`)).json)
    expect(new Set(tasks.map((task) => task.title)).size).toBe(1500)
  })

  test('of no tasks is an empty file, and one of another user is not there', async () => {
    const [owner, other] = [await user(), await user()]
    const { id } = await finished(owner, 'exports', { format: 'json' })
    expect((await owner.get(`/exports/${id}/download`)).json).toEqual([])
    for (const path of [`/exports/${id}`, `/exports/${id}/download`, `/imports/${id}`])
      expect((await other.get(path)).status).toBe(404)
  })
})

describe('an import', () => {
  test('with bad rows applies none and says what is wrong with which', async () => {
    const client = await user()
    const result = await finished(client, 'imports', 'title,status\ngood,todo\n,todo\nx,later\n', 'text/csv')
    expect(result).toMatchObject({ status: 'failed', rows: 0, failures: [{ row: 2 }, { row: 3 }] })
    expect(result.failures?.map((failure) => failure.message.split(':')[0])).toEqual(['title', 'status'])
    expect(await listed(client)).toEqual([])
  })

  test.each([
    ['no array', '{}', 'application/json', 'expected an array'],
    ['no JSON', '[', 'application/json', 'not JSON'],
    ['an unknown column', 'title,owner\na,b', 'text/csv', 'owner'],
    ['an open quote', 'title\n"a', 'text/csv', 'quote'],
    ['too many rows', `title\n${'x\n'.repeat(10_001)}`, 'text/csv', 'more than 10000 rows'],
  ])('of a file with %s fails as a whole and says why', async (_what, body, type, message) => {
    const result = await finished(await user(), 'imports', body, type)
    expect(result.status).toBe('failed')
    expect(result.failures?.[0]?.message).toContain(message)
  })

  test('takes tags as people write them', async () => {
    const client = await user()
    await finished(client, 'imports', 'Title,Tags\na,"x; y"\n', 'text/csv')
    expect(await listed(client)).toMatchObject([{ title: 'a', tags: ['x', 'y'] }])
  })

  const marked = Buffer.from('\ufefftitle,tags\r\nä€😀,a\r\n', 'utf16le')
  test.each([
    ['UTF-8 with a byte order mark', Buffer.from('\ufefftitle,tags\r\nä€😀,a\r\n'), 'text/csv'],
    ['UTF-16 LE', marked, 'text/csv'],
    ['UTF-16 BE', Buffer.from(marked).swap16(), 'text/csv'],
    ['JSON in UTF-16', Buffer.from('\ufeff[{"title":"ä€😀","tags":["a"]}]', 'utf16le'), 'application/json'],
  ])('takes %s', async (_, body, type) => {
    const client = await user()
    await finished(client, 'imports', body, type)
    expect(await listed(client)).toMatchObject([{ title: 'ä€😀', tags: ['a'] }])
  })

  test.each([
    [Buffer.from('title\ncaf\u00e9\n', 'latin1'), 'The file is not UTF-8: byte 9 is invalid'],
    [Buffer.from('title\n\ufffd').subarray(0, 8), 'The file is not UTF-8: byte 6 is invalid'],
    [marked.subarray(0, 9), 'The file is not UTF-16LE'],
  ])('names the first byte that is not text', async (body, detail) => {
    const answer = await (await user()).send('POST', '/imports', body, { 'content-type': 'text/csv' })
    expect(answer).toMatchObject({ status: 400, json: { detail: expect.stringContaining(detail) } })
  })

  test('beyond 5 MB is 413, of another type 415', async () => {
    const client = await user()
    expect(
      (await client.send('POST', '/imports', 'x'.repeat(5 * 1024 * 1024 + 1), { 'content-type': 'text/csv' }))
        .status,
    ).toBe(413)
    expect((await client.send('POST', '/imports', '<a/>', { 'content-type': 'text/xml' })).status).toBe(415)
  })
})

describe('the quota of an account', () => {
  const quota = 10

  test('is ten unfinished jobs, also of simultaneous requests; other accounts have their own', async () => {
    const url = await running.newDatabase()
    const own = await startTestService(url)
    onTestFinished(() => own.stop())
    const [greedy, other] = [(await own.client.register()).client, (await own.client.register()).client]
    await finished(other, 'exports', { format: 'json' })
    // Jobs wait for these tables, requests do not.
    const lock = await lockTables(url, 'export_chunks, tasks')
    onTestFinished(() => lock.release())
    const request = (client: Client, index: number) =>
      index % 2 === 0
        ? client.send('POST', '/exports', { format: 'csv' })
        : client.send('POST', '/imports', [{ title: 'imported' }])
    const answers = await Promise.all(Array.from({ length: quota + 5 }, (_, index) => request(greedy, index)))
    const refused = answers.filter(({ status }) => status !== 202)
    expect(refused.map(({ status }) => status)).toEqual([429, 429, 429, 429, 429])
    for (const { headers, json } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect(json).toMatchObject({ status: 429, detail: expect.stringContaining('10 exports and imports') })
    }
    expect((await request(other, 0)).status).toBe(202)
    await lock.release()
    await eventually(
      'the jobs of the account end',
      60_000,
      async () => (await request(greedy, 1)).status === 202,
    )
    await eventually('its tasks are imported', 60_000, async () =>
      (await greedy.get('/tasks')).text.includes('imported'),
    )
  })
})

test('metrics show the outcomes of jobs, their durations and how many wait', async () => {
  const { text } = await running.client.get('/metrics')
  expect(text).toMatch(/^export_total\{format="json",result="success"\} [1-9]/m)
  expect(text).toMatch(/^import_total\{format="csv",result="failure"\} [1-9]/m)
  expect(text).toMatch(/^job_duration_seconds_count\{queue="import",outcome="done"\} [1-9]/m)
  expect(text).toMatch(/^job_queue_length\{queue="export",state="waiting"\} \d/m)
  expect(text).toMatch(/^feature_users\{feature="export"\} [1-9]/m)
})
