import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  nat,
  oneof,
  option,
  record,
  constant,
  string,
} from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Client } from '../testing/index.ts'
import { taskPage, taskSchema } from './model.ts'
import type { Task } from './model.ts'
import { useTestService } from '../testing/fixture.ts'

const running = useTestService()

/** What the service must be like: tasks in order of making, and how often each was changed. */
interface Model {
  tasks: { task: Task; version: number }[]
}

type Fields = Partial<Pick<Task, 'title' | 'description' | 'status' | 'priority' | 'dueAt' | 'tags'>>

const text = (min: number, max: number): Arbitrary<string> =>
  string({ unit: 'grapheme', minLength: min, maxLength: max })
const fieldArbitraries = {
  title: text(1, 20),
  description: option(text(0, 30)),
  status: constantFrom('todo' as const, 'in_progress' as const, 'done' as const),
  priority: constantFrom('low' as const, 'medium' as const, 'high' as const),
  dueAt: option(
    constantFrom('2027-01-01T00:00:00.000Z', '2027-06-01T12:30:00.500Z', '0001-01-01T00:00:00.000Z'),
  ),
  tags: array(text(1, 8), { maxLength: 3 }),
}
const patch: Arbitrary<Fields> = record(fieldArbitraries, { requiredKeys: [] })
const fresh: Arbitrary<Fields & { title: string }> = record(fieldArbitraries, { requiredKeys: ['title'] })

/** `at` picks one of the tasks that are there, whichever there are by then. */
const command = oneof(
  record({ kind: constant('create' as const), task: fresh }),
  record({
    kind: constant('patch' as const),
    at: nat(),
    patch,
    match: constantFrom('none' as const, 'current' as const, 'stale' as const),
  }),
  record({ kind: constant('delete' as const), at: nat() }),
  record({
    kind: constant('bulk' as const),
    create: array(fresh, { maxLength: 3 }),
    update: array(record({ at: nat(), patch }), { maxLength: 3 }),
    remove: array(nat(), { maxLength: 2 }),
    absent: constantFrom(false, false, false, true),
  }),
  record({ kind: constant('read' as const), at: nat() }),
  record({
    kind: constant('list' as const),
    status: option(fieldArbitraries.status),
    limit: constantFrom(1, 2, 100),
  }),
)

const absent = '01900000-0000-7000-8000-000000000000'
const pick = (model: Model, at: number) =>
  model.tasks.length === 0 ? undefined : model.tasks[at % model.tasks.length]
const defined = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** Does `command` on both, and says where they differ. */
const steps = {
  async create(client: Client, model: Model, { task }: { task: Fields }) {
    const answer = await client.send('POST', '/tasks', task)
    const made = taskSchema.parse(answer.json)
    expect([answer.status, made]).toEqual([
      201,
      {
        description: null,
        status: 'todo',
        priority: 'medium',
        dueAt: null,
        tags: [],
        ...defined(task),
        id: made.id,
        createdAt: made.createdAt,
        updatedAt: made.updatedAt,
      },
    ])
    model.tasks.push({ task: made, version: 1 })
  },

  async patch(
    client: Client,
    model: Model,
    { at, patch: fields, match }: { at: number; patch: Fields; match: 'none' | 'current' | 'stale' },
  ) {
    const one = pick(model, at)
    const version = match === 'stale' ? 99_999 : (one?.version ?? 1)
    const answer = await client.send(
      'PATCH',
      `/tasks/${one?.task.id ?? absent}`,
      fields,
      match === 'none' ? {} : { 'if-match': `"${version}"` },
    )
    expect(answer.status).toBe(one === undefined ? 404 : match === 'stale' ? 412 : 200)
    if (one === undefined || match === 'stale') return
    const changed = taskSchema.parse(answer.json)
    expect(changed).toEqual({ ...one.task, ...defined(fields), updatedAt: changed.updatedAt })
    one.version += 1
    one.task = changed
    expect(answer.headers.get('etag')).toBe(`"${one.version}"`)
  },

  async delete(client: Client, model: Model, { at }: { at: number }) {
    const one = pick(model, at)
    const path = `/tasks/${one?.task.id ?? absent}`
    expect((await client.send('DELETE', path)).status).toBe(one === undefined ? 404 : 204)
    expect((await client.get(path)).status).toBe(404)
    model.tasks = model.tasks.filter((other) => other !== one)
  },

  async bulk(
    client: Client,
    model: Model,
    {
      create,
      update,
      remove,
      absent: withAbsent,
    }: { create: Fields[]; update: { at: number; patch: Fields }[]; remove: number[]; absent: boolean },
  ) {
    // A task may be in a request once: the first mention counts.
    const updates = new Map<Model['tasks'][number], Fields>()
    for (const one of update) {
      const found = pick(model, one.at)
      if (found !== undefined && !updates.has(found)) updates.set(found, one.patch)
    }
    const removals = new Set(remove.flatMap((at) => pick(model, at) ?? []).filter((one) => !updates.has(one)))
    const body = {
      create,
      update: [...updates].map(([{ task }, fields]) => ({ id: task.id, ...fields })),
      delete: [...removals].map(({ task }) => task.id).concat(withAbsent ? [absent] : []),
    }
    const isEmpty = create.length + body.update.length + body.delete.length === 0
    const answer = await client.send('POST', '/tasks/bulk', body)
    expect(answer.status).toBe(isEmpty || withAbsent ? 422 : 200)
    if (answer.status !== 200) return
    const result = z
      .object({ created: z.array(taskSchema), updated: z.array(taskSchema), deleted: z.array(z.string()) })
      .parse(answer.json)
    for (const [index, [one, fields]] of [...updates].entries()) {
      const changed = result.updated[index] ?? one.task
      expect(changed).toEqual({ ...one.task, ...defined(fields), updatedAt: changed.updatedAt })
      one.task = changed
      one.version += 1
    }
    model.tasks = model.tasks.filter((one) => !removals.has(one))
    expect([result.deleted, result.created.map((task) => task.title)]).toEqual([
      body.delete,
      create.map((task) => task.title),
    ])
    for (const task of result.created) model.tasks.push({ task, version: 1 })
  },

  async read(client: Client, model: Model, { at }: { at: number }) {
    const one = pick(model, at)
    const answer = await client.get(`/tasks/${one?.task.id ?? absent}`)
    expect([answer.status, answer.headers.get('etag')]).toEqual(
      one === undefined ? [404, null] : [200, `"${one.version}"`],
    )
    if (one !== undefined) expect(answer.json).toEqual(one.task)
  },

  async list(
    client: Client,
    model: Model,
    { status, limit }: { status: Task['status'] | null; limit: number },
  ) {
    const expected = model.tasks
      .map(({ task }) => task)
      .filter((task) => status === null || task.status === status)
    const found: Task[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const parameters = {
        limit: String(limit),
        ...(status !== null && { status }),
        ...(cursor !== '' && { cursor }),
      }
      const answer = await client.get(`/tasks?${new URLSearchParams(parameters).toString()}`)
      const page: z.infer<typeof taskPage> = taskPage.parse(answer.json)
      found.push(...page.items)
      cursor = page.nextCursor
    }
    const newestFirst = (a: Task, b: Task): number =>
      `${a.createdAt} ${a.id}` < `${b.createdAt} ${b.id}` ? 1 : -1
    expect(found).toEqual(expected.toSorted(newestFirst))
  },
}

type Command = typeof command extends Arbitrary<infer Generated> ? Generated : never
type Kind = Command['kind']
type Steps = {
  [K in Kind]: (client: Client, model: Model, one: Extract<Command, { kind: K }>) => Promise<void>
}

function apply<K extends Kind>(
  client: Client,
  model: Model,
  one: { [P in K]: Extract<Command, { kind: P }> }[K],
): Promise<void> {
  const byKind: Steps = steps
  return byKind[one.kind](client, model, one)
}

test('after any sequence of operations, service and model agree; other users are unaffected', async () => {
  const bystander = (await running.client.register()).client
  await bystander.send('POST', '/tasks', { title: 'untouched' })
  const before = (await bystander.get('/tasks')).text
  await assert(
    asyncProperty(array(command, { minLength: 1, maxLength: 25, size: 'max' }), async (commands) => {
      const { client } = await running.client.register()
      const model: Model = { tasks: [] }
      for (const one of commands) await apply(client, model, one)
      await steps.list(client, model, { status: null, limit: 100 })
    }),
    { numRuns: 40 },
  )
  expect((await bystander.get('/tasks')).text).toBe(before)
})
