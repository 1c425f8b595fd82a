import { array, assert, asyncProperty, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import type { Client } from '../testing/index.ts'
import { taskPage, taskSchema } from './model.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService({ SERVER_TIMING: 'on' })

const user = async (): Promise<Client> => (await running.client.register()).client

async function create(client: Client, task: object): Promise<z.infer<typeof taskSchema>> {
  const answer = await client.send('POST', '/tasks', task)
  expect(answer).toMatchObject({ status: 201 })
  return taskSchema.parse(answer.json)
}

async function titles(client: Client, query: string): Promise<string[]> {
  const answer = await client.get(`/tasks?${query}`)
  expect(answer).toMatchObject({ status: 200 })
  return taskPage.parse(answer.json).items.map((task) => task.title)
}

describe('creating a task', () => {
  test('answers 201 with the task, its path and its ETag, and defaults for what was left out', async () => {
    const client = await user()
    const answer = await client.send('POST', '/tasks', { title: 'write' })
    const task = taskSchema.parse(answer.json)
    expect(task).toMatchObject({
      title: 'write',
      description: null,
      status: 'todo',
      priority: 'medium',
      dueAt: null,
      tags: [],
    })
    expect(answer.headers.get('location')).toBe(`/tasks/${task.id}`)
    expect(answer.headers.get('etag')).toBe('"1"')
    expect((await client.get(`/tasks/${task.id}`)).json).toEqual(task)
  })

  test('keeps every field exactly, whatever the text', async () => {
    const client = await user()
    const word = string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter(
      (value) => !value.includes('\0') && value.isWellFormed(),
    )
    await assert(
      asyncProperty(word, word, array(word, { maxLength: 5 }), async (title, description, tags) => {
        const task = await create(client, { title, description, tags })
        expect(task).toMatchObject({ title, description, tags })
        expect((await client.get(`/tasks/${task.id}`)).json).toEqual(task)
      }),
      { numRuns: 60 },
    )
  })

  test('and after a change of another: backslashes, quotes, commas and braces in tags', async () => {
    const client = await user()
    const tags = ['\\ ', 'a"b', 'x,y', '{}', 'NULL', '\\"', ' ']
    const { id } = await create(client, { title: 'x', tags })
    expect((await client.send('PATCH', `/tasks/${id}`, { title: 'y' })).json).toMatchObject({ tags })
    expect((await client.send('POST', '/tasks/bulk', { update: [{ id, title: 'z' }] })).json).toMatchObject({
      updated: [{ tags }],
    })
    expect((await client.get(`/tasks/${id}`)).json).toMatchObject({ tags })
  })

  test('turns dueAt to UTC and keeps milliseconds', async () => {
    const task = await create(await user(), { title: 'x', dueAt: '2027-01-01T00:00:00.120+02:00' })
    expect(task.dueAt).toBe('2026-12-31T22:00:00.120Z')
  })

  test.each([
    ['no title', {}],
    ['an empty title', { title: '' }],
    ['a title of 201 characters', { title: 'x'.repeat(201) }],
    ['a NUL in the title', { title: 'a\0b' }],
    ['half a surrogate pair', '{"title":"\\ud800"}'],
    ['a description of 10,001 characters', { title: 'x', description: 'x'.repeat(10_001) }],
    ['an unknown status', { title: 'x', status: 'later' }],
    ['21 tags', { title: 'x', tags: Array.from({ length: 21 }, () => 't') }],
    ['a tag of 51 characters', { title: 'x', tags: ['x'.repeat(51)] }],
    ['a date that is none', { title: 'x', dueAt: '2027-02-30T00:00:00Z' }],
    ['a year before the first', { title: 'x', dueAt: '0000-01-01T00:00:00Z' }],
    ['an id of its own', { title: 'x', id: '01900000-0000-7000-8000-000000000000' }],
    ['another user', { title: 'x', userId: '01900000-0000-7000-8000-000000000000' }],
    ['__proto__', '{"title":"x","__proto__":{"admin":true}}'],
    ['a number beyond all numbers', '{"title":1e400}'],
    ['100,000 nested arrays', `{"title":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('refuses %s with 422', async (_what, body) => {
    const answer = await (await user()).send('POST', '/tasks', body)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([422, 'application/problem+json'])
  })

  test('200 characters are 200, also when each takes two units', async () => {
    expect((await create(await user(), { title: '😀'.repeat(200) })).title).toBe('😀'.repeat(200))
  })
})

describe('listing tasks', () => {
  test.each([
    'createdAt',
    '-createdAt',
    'updatedAt',
    '-updatedAt',
    'dueAt',
    '-dueAt',
    'priority',
    '-priority',
    'title',
    '-title',
  ])('pages by %s give every task once, in order', async (sort) => {
    const client = await user()
    const priorities = ['low', 'medium', 'high']
    for (let index = 0; index < 11; index += 1) {
      const dueAt = index % 3 === 0 ? null : `2027-01-${String(1 + (index % 4)).padStart(2, '0')}T00:00:00Z`
      await create(client, { title: `t${index % 5}`, priority: priorities[index % 3], dueAt })
    }
    const all = taskPage
      .parse((await client.get(`/tasks?limit=100&sort=${sort}`)).json)
      .items.map((task) => task.id)
    const paged: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: z.infer<typeof taskPage> = taskPage.parse(
        (await client.get(`/tasks?limit=3&sort=${sort}${cursor === '' ? '' : `&cursor=${cursor}`}`)).json,
      )
      paged.push(...page.items.map((task) => task.id))
      cursor = page.nextCursor
    }
    expect(all).toHaveLength(11)
    expect(paged).toEqual(all)
  })

  test('newest first unless asked otherwise', async () => {
    const client = await user()
    for (const title of ['a', 'b', 'c']) await create(client, { title })
    expect(await titles(client, '')).toEqual(['c', 'b', 'a'])
    expect(await titles(client, 'sort=title')).toEqual(['a', 'b', 'c'])
  })

  test('filters by status, priority and text, together', async () => {
    const client = await user()
    await create(client, { title: 'Buy 100% milk', status: 'done', priority: 'high' })
    await create(client, { title: 'Buy 100 eggs', description: 'not milk', status: 'todo' })
    expect(await titles(client, 'status=done')).toEqual(['Buy 100% milk'])
    expect(await titles(client, 'priority=high&status=todo')).toEqual([])
    expect(await titles(client, 'q=MILK')).toHaveLength(2)
    expect(await titles(client, 'q=100%25')).toEqual(['Buy 100% milk'])
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=1e1',
    'limit=',
    'status=later',
    'sort=owner',
    'cursor=abc',
    'cursor=%00',
    'limit=5&limit=6',
    'unknown=1',
  ])('refuses ?%s with 422', async (query) => {
    expect((await (await user()).get(`/tasks?${query}`)).status).toBe(422)
  })

  test.each([
    // Of the same type, so that only the order differs.
    ['createdAt', '-createdAt'],
    ['-createdAt', '-updatedAt'],
    ['title', '-title'],
    ['title', 'createdAt'],
  ])('a cursor of the order %s is refused for %s', async (sort, other) => {
    const client = await user()
    for (const title of ['a', 'b']) await create(client, { title })
    const { nextCursor } = taskPage.parse((await client.get(`/tasks?limit=1&sort=${sort}`)).json)
    expect(nextCursor).not.toBeNull()
    expect((await client.get(`/tasks?limit=1&sort=${sort}&cursor=${nextCursor}`)).status).toBe(200)
    expect((await client.get(`/tasks?limit=1&sort=${other}&cursor=${nextCursor}`)).status).toBe(422)
  })
})

describe('a cursor that someone made up', () => {
  const id = '01900000-0000-7000-8000-000000000000'
  test.each([
    ['createdAt', '2027-01-01T00:00:00.000Z', 200],
    ['createdAt', 'yesterday', 422],
    ['-updatedAt', '0000-01-01T00:00:00.000Z', 422],
    ['dueAt', 'infinity', 200],
    ['dueAt', '-infinity', 422],
    ['priority', 'urgent', 422],
    ['title', 'a\0b', 422],
    ['title', '\ud800', 422],
  ])('for the order %s with the value %j: %i', async (sort, value, status) => {
    const cursor = Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')
    expect((await (await user()).get(`/tasks?sort=${sort}&cursor=${cursor}`)).status).toBe(status)
  })
})

describe('changing a task', () => {
  test('writes the given fields only and counts its version up', async () => {
    const client = await user()
    const task = await create(client, { title: 'x', description: 'd', tags: ['a'] })
    const answer = await client.send('PATCH', `/tasks/${task.id}`, { status: 'done', description: null })
    expect(answer.json).toMatchObject({ title: 'x', status: 'done', description: null, tags: ['a'] })
    expect(answer.headers.get('etag')).toBe('"2"')
  })

  test('with If-Match only at that version: 412 otherwise, and nothing is changed', async () => {
    const client = await user()
    const task = await create(client, { title: 'x' })
    expect(
      (await client.send('PATCH', `/tasks/${task.id}`, { title: 'y' }, { 'if-match': '"1"' })).status,
    ).toBe(200)
    const stale = await client.send('PATCH', `/tasks/${task.id}`, { title: 'z' }, { 'if-match': '"1"' })
    expect([stale.status, stale.headers.get('etag')]).toEqual([412, '"2"'])
    expect(
      (await client.send('DELETE', `/tasks/${task.id}`, undefined, { 'if-match': 'W/"2"' })).status,
    ).toBe(412)
    expect((await client.send('DELETE', `/tasks/${task.id}`, undefined, { 'if-match': '"2"' })).status).toBe(
      204,
    )
  })

  test('of many simultaneous changes with the same If-Match exactly one is made', async () => {
    const client = await user()
    const task = await create(client, { title: 'x' })
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        client.send('PATCH', `/tasks/${task.id}`, { title: `t${index}` }, { 'if-match': '"1"' }),
      ),
    )
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1)
    expect(answers.filter((answer) => answer.status === 412)).toHaveLength(9)
  })

  test('of many simultaneous changes of different fields none is lost', async () => {
    const client = await user()
    const task = await create(client, { title: 'x' })
    const patches = [{ title: 'y' }, { status: 'done' }, { priority: 'high' }, { description: 'd' }]
    const answers = await Promise.all(
      patches.map((patch) => client.send('PATCH', `/tasks/${task.id}`, patch)),
    )
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200])
    const expected = { title: 'y', status: 'done', priority: 'high', description: 'd' }
    expect((await client.get(`/tasks/${task.id}`)).json).toMatchObject(expected)
  })

  test('of many simultaneous changes without If-Match none is refused', async () => {
    const client = await user()
    const task = await create(client, { title: 'x' })
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        client.send('PATCH', `/tasks/${task.id}`, { title: `t${index}` }),
      ),
    )
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]))
    expect((await client.get(`/tasks/${task.id}`)).headers.get('etag')).toBe('"41"')
  })

  test('a deleted task is gone', async () => {
    const client = await user()
    const task = await create(client, { title: 'x' })
    expect((await client.send('DELETE', `/tasks/${task.id}`)).status).toBe(204)
    for (const method of ['GET', 'DELETE'])
      expect((await client.send(method, `/tasks/${task.id}`)).status).toBe(404)
  })
})

describe('tasks of others', () => {
  test('are 404 for every method, as tasks that never were, and in no list', async () => {
    const [owner, other] = [await user(), await user()]
    const task = await create(owner, { title: 'mine' })
    for (const id of [task.id, '01900000-0000-7000-8000-000000000000', 'abc']) {
      expect((await other.get(`/tasks/${id}`)).status).toBe(404)
      expect((await other.send('PATCH', `/tasks/${id}`, { title: 'theirs' })).status).toBe(404)
      expect((await other.send('DELETE', `/tasks/${id}`)).status).toBe(404)
    }
    expect(await titles(other, '')).toEqual([])
    expect(await titles(owner, '')).toEqual(['mine'])
  })
})

test('Server-Timing counts the statements and rows of its own request, under concurrency too', async () => {
  const clients = await Promise.all([0, 1, 5, 9].map(async (count) => ({ count, client: await user() })))
  for (const { count, client } of clients)
    for (let index = 0; index < count; index += 1) await create(client, { title: 'x' })
  const rounds = Array.from({ length: 20 }, () => clients).flat()
  await Promise.all(
    rounds.map(async ({ count, client }, index) => {
      // Another limit each time: no page may come from a cache.
      const timing = (await client.get(`/tasks?limit=${20 + index}`)).headers.get('server-timing')
      expect(timing).toMatch(new RegExp(`^app;dur=[\\d.]+,db;dur=[\\d.]+,sql;desc="1",rows;desc="${count}"$`))
    }),
  )
})
