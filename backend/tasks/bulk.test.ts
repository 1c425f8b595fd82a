import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Client } from '../testing/index.ts'
import { taskPage, taskSchema } from './model.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService()

const result = z.object({
  created: z.array(taskSchema),
  updated: z.array(taskSchema),
  deleted: z.array(z.string()),
})
const user = async (): Promise<Client> => (await running.client.register()).client
const listed = async (client: Client) =>
  taskPage.parse((await client.get('/tasks?limit=100&sort=title')).json).items
const post = (client: Client, key: string, title = 'x') =>
  client.send('POST', '/tasks', { title }, { 'idempotency-key': key })
const absent = '01900000-0000-7000-8000-000000000000'

describe('a bulk request', () => {
  test('makes, changes and deletes in one go, and answers with what became of each', async () => {
    const client = await user()
    const first = result.parse(
      (
        await client.send('POST', '/tasks/bulk', {
          create: [{ title: 'a', tags: ['x,"y"'] }, { title: 'b' }, { title: 'c' }],
        })
      ).json,
    )
    const [a, b] = first.created.map((task) => task.id)
    const answer = await client.send('POST', '/tasks/bulk', {
      create: [{ title: 'd', dueAt: '2027-01-01T00:00:00+01:00' }],
      update: [{ id: a, status: 'done', description: null }],
      delete: [b],
    })
    const second = result.parse(answer.json)
    expect(second.updated).toMatchObject([{ id: a, title: 'a', status: 'done', tags: ['x,"y"'] }])
    expect(second.deleted).toEqual([b])
    expect(await listed(client)).toMatchObject([
      { title: 'a', status: 'done' },
      { title: 'c' },
      { title: 'd', dueAt: '2026-12-31T23:00:00.000Z' },
    ])
    expect((await client.get(`/tasks/${a}`)).headers.get('etag')).toBe('"2"')
  })

  test('takes 500 items, and refuses 501, none, and a task twice', async () => {
    const client = await user()
    const many = (count: number) =>
      client.send('POST', '/tasks/bulk', {
        create: Array.from({ length: count }, (_, index) => ({ title: `t${index}` })),
      })
    expect((await many(501)).status).toBe(422)
    expect((await client.send('POST', '/tasks/bulk', {})).status).toBe(422)
    const answer = await many(500)
    const { created } = result.parse(answer.json)
    expect(created).toHaveLength(500)
    const [id = ''] = created.map((task) => task.id)
    const twice = await client.send('POST', '/tasks/bulk', { update: [{ id }], delete: [id.toUpperCase()] })
    expect(twice).toMatchObject({
      status: 422,
      json: { errors: [{ at: 'body.delete.0', message: `${id} is repeated` }] },
    })
    expect((await client.get(`/tasks/${id}`)).status).toBe(200)
  })

  test('with one bad item does nothing and lists every bad one', async () => {
    const [client, other] = [await user(), await user()]
    const theirs = taskSchema.parse((await other.send('POST', '/tasks', { title: 'theirs' })).json)
    const answer = await client.send('POST', '/tasks/bulk', {
      create: [{ title: 'new' }],
      update: [{ id: theirs.id, title: 'mine now' }],
      delete: [absent],
    })
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({ errors: [{ at: 'body.update.0.id' }, { at: 'body.delete.0' }] })
    const invalid = await client.send('POST', '/tasks/bulk', {
      create: [{ title: '' }, { title: 'good' }, { title: 'x', id: absent }],
    })
    expect(invalid.json).toMatchObject({
      status: 422,
      errors: [{ at: 'body.create.0.title' }, { at: 'body.create.2' }],
    })
    expect(await listed(client)).toEqual([])
    expect(await listed(other)).toMatchObject([{ title: 'theirs' }])
  })

  test('many simultaneous operations on the same tasks all end', async () => {
    const client = await user()
    const ids = result
      .parse(
        (
          await client.send('POST', '/tasks/bulk', {
            create: Array.from({ length: 20 }, () => ({ title: 't' })),
          })
        ).json,
      )
      .created.map((task) => task.id)
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        client.send('POST', '/tasks/bulk', {
          update: (index % 2 === 0 ? ids : ids.toReversed()).map((id) => ({ id, title: `r${index}` })),
        }),
      ),
    )
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 200])
  })
})

describe('an Idempotency-Key', () => {
  test('makes a repeated request give the first answer and make nothing', async () => {
    const client = await user()
    const [first, second] = [await post(client, 'k1'), await post(client, 'k1')]
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.json).toEqual(first.json)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(await listed(client)).toHaveLength(1)
  })

  test('holds for requests at the same time', async () => {
    const client = await user()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(client, 'k2')))
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1)
    expect(await listed(client)).toHaveLength(1)
  })

  test('is refused for another request, and belongs to its user', async () => {
    const [client, other] = [await user(), await user()]
    await post(client, 'k3')
    expect((await post(client, 'k3', 'else')).status).toBe(409)
    expect((await post(other, 'k3', 'else')).status).toBe(201)
    expect((await post(client, 'with space')).status).toBe(422)
  })
})
