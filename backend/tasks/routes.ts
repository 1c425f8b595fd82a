import { Hono } from 'hono'
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import type { Guards } from '../auth/index.ts'
import {
  answer,
  describeGroup,
  describeHeader,
  describeRequestHeader,
  jsonBody,
  pathWithId,
  query,
} from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import type { Metrics } from '../observability/index.ts'
import { bulkBody } from './bulk.ts'
import { formatEtag, newTask, taskPage, taskPatch, taskQuery, taskSchema } from './model.ts'
import type { ExpectedVersions, TaskService } from './service.ts'
import { parseIdempotencyKey } from './statements.ts'

const maxBytes = 262_144
const maxBulkBytes = 8 * 1024 * 1024
const taskPath = pathWithId('/tasks')
const describe = describeGroup('Tasks')
const headers = { ETag: 'The version of the task' }
const conflict = { 412: answer('The task has another ETag', undefined, { headers }) }
const ifMatch = describeRequestHeader('If-Match', 'Requires that the task has this ETag')
const idempotencyKey = describeRequestHeader(
  'Idempotency-Key',
  'Makes it safe to repeat the request for a day',
  '^[\\x21-\\x7e]{1,255}$',
)

const listTasks = describe('listTasks', 'List tasks, one page at a time', {
  200: answer('The page', taskPage),
})
const createTask = describe(
  'createTask',
  'Create a task',
  {
    201: answer('The task', taskSchema, {
      headers: {
        Location: 'The path of the task',
        ...headers,
        'Idempotency-Replayed': describeHeader('true if this is the answer to an earlier request', false),
      },
      links: ['getTask', 'updateTask', 'deleteTask'],
    }),
    409: answer('The Idempotency-Key was used for another request'),
  },
  { parameters: [idempotencyKey] },
)
const bulkTasks = describe('bulkTasks', 'Create, change and delete up to 500 tasks, all or none', {
  200: answer(
    'The created, updated and deleted tasks',
    z
      .object({ created: z.array(taskSchema), updated: z.array(taskSchema), deleted: z.array(z.uuid()) })
      .meta({ examples: [{ created: [], updated: [], deleted: ['019b0000-0000-7000-8000-000000000000'] }] }),
  ),
})
const getTask = describe('getTask', 'Get a task', { 200: answer('The task', taskSchema, { headers }) })
const updateTask = describe(
  'updateTask',
  'Change some fields of a task',
  { 200: answer('The changed task', taskSchema, { headers }), ...conflict },
  { parameters: [ifMatch] },
)
const deleteTask = describe(
  'deleteTask',
  'Delete a task',
  { 204: answer('Deleted'), ...conflict },
  { parameters: [ifMatch] },
)

export interface TaskRouteDependencies {
  tasks: TaskService
  guards: Guards
  metrics: Metrics
  noteFeatureUse: (feature: 'bulk', userId: string) => void
}

/** The tasks of the caller. Tasks of other users count as missing. */
export function taskRoutes({ tasks, guards, metrics, noteFeatureUse }: TaskRouteDependencies): App {
  const { signedIn } = guards
  const count =
    (operation: string): MiddlewareHandler =>
    async (c, next) => {
      await next()
      const result = c.error === undefined ? 'success' : c.res.status < 500 ? 'refused' : 'error'
      metrics.taskOperations.inc({ operation, result })
    }
  return new Hono<AppEnv>()
    .get('/tasks', listTasks, signedIn, query(taskQuery), count('list'), async (c) => {
      const reply = await tasks.listReply(c.var, c.req.valid('query'))
      return c.body(reply.body, 200, reply.headers)
    })
    .post('/tasks', createTask, signedIn, jsonBody(newTask, maxBytes), count('create'), async (c) => {
      const key = parseIdempotencyKey(c.req.header('idempotency-key'))
      const { row, replayed } = await tasks.create(c.var, c.req.valid('json'), key)
      if (replayed) c.header('idempotency-replayed', 'true')
      const { version, ...task } = row
      return c.json(task, 201, { etag: formatEtag(version), location: `/tasks/${task.id}` })
    })
    .post('/tasks/bulk', bulkTasks, signedIn, jsonBody(bulkBody, maxBulkBytes), count('bulk'), async (c) => {
      noteFeatureUse('bulk', c.var.principal.userId)
      return c.json(await tasks.bulk(c.var, c.req.valid('json')))
    })
    .get(taskPath, getTask, signedIn, count('read'), async (c) => {
      const reply = await tasks.getReply(c.var, c.req.param('id').toLowerCase())
      return c.body(reply.body, 200, reply.headers)
    })
    .patch(taskPath, updateTask, signedIn, jsonBody(taskPatch, maxBytes), count('update'), async (c) => {
      const expected = parseIfMatch(c.req.header('if-match'))
      const patch = c.req.valid('json')
      const { version, ...task } = await tasks.update(c.var, c.req.param('id'), patch, expected)
      return c.json(task, 200, { etag: formatEtag(version) })
    })
    .delete(taskPath, deleteTask, signedIn, count('delete'), async (c) => {
      await tasks.delete(c.var, c.req.param('id'), parseIfMatch(c.req.header('if-match')))
      return c.body(null, 204)
    })
}

/**
 * Parses the versions in an `If-Match`. A foreign or weak tag matches no version (RFC 9110, 13.1.1). Nine
 * digits fit in the column.
 */
function parseIfMatch(ifMatchHeader: string | undefined): ExpectedVersions {
  if (ifMatchHeader === undefined || ifMatchHeader.trim() === '*') return undefined
  return ifMatchHeader.split(',').flatMap((tag) => {
    const version = /^\s*"(\d{1,9})"\s*$/.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}
