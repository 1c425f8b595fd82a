import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { z } from 'zod'
import type { CachedReply } from '../cache/cache.ts'
import type { Guards } from '../auth/index.ts'
import { answer, describeGroup, describeRequestHeader, jsonBody, pathWithId, query } from '../http/index.ts'
import type { App, AppEnv, Principal, Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { bulkBody } from './bulk.ts'
import type { BulkBody, BulkResult } from './bulk.ts'
import { formatEtag, newTask, taskPage, taskPatch, taskQuery, taskSchema } from './model.ts'
import type { ExpectedVersions, TaskService } from './service.ts'
import { parseIdempotencyKey } from './statements.ts'

const maxBytes = 262_144
const maxBulkBytes = 8 * 1024 * 1024
const taskPath = pathWithId('/tasks')
const describe = describeGroup('Tasks')
const headers = { ETag: 'The version of the task' }
const changed = {
  412: answer('The task has another ETag', undefined, { headers }),
  409: answer('The task was changed repeatedly at the same time'),
}
const ifMatch = {
  parameters: [describeRequestHeader('If-Match', 'Requires that the task has this ETag')],
}

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
        'Idempotency-Replayed': {
          description: 'true if this is the answer to an earlier request',
          required: false,
        },
      },
      links: ['getTask', 'updateTask', 'deleteTask'],
    }),
    409: answer('The Idempotency-Key was used for another request'),
  },
  {
    parameters: [
      describeRequestHeader(
        'Idempotency-Key',
        'Makes it safe to repeat the request for a day',
        '^[\\x21-\\x7e]{1,255}$',
      ),
    ],
  },
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
  { 200: answer('The changed task', taskSchema, { headers }), ...changed },
  ifMatch,
)
const deleteTask = describe('deleteTask', 'Delete a task', { 204: answer('Deleted'), ...changed }, ifMatch)

export interface TaskRouteDependencies {
  tasks: TaskService
  guards: Guards
  metrics: Metrics
  events: Events
  noteFeatureUse: (feature: 'bulk', userId: string) => void
}

/** The tasks of the caller. Tasks of other users count as missing. */
export function taskRoutes(dependencies: TaskRouteDependencies): App {
  const { tasks, metrics } = dependencies
  const { signedIn } = dependencies.guards
  const count = (operation: string) => countOperation(metrics, operation)
  return new Hono<AppEnv>()
    .get('/tasks', listTasks, signedIn, query(taskQuery), count('list'), async (c) => {
      const { scope, principal } = c.var
      return sendCached(c, await tasks.listReply(scope, principal, c.req.valid('query')))
    })
    .post('/tasks', createTask, signedIn, jsonBody(newTask, maxBytes), count('create'), async (c) => {
      const { scope, principal } = c.var
      const key = parseIdempotencyKey(c.req.header('idempotency-key'))
      const made = await tasks.create(scope, principal, c.req.valid('json'), key)
      if (made.replayed) c.header('idempotency-replayed', 'true')
      return c.json(made.task, 201, { etag: formatEtag(made.version), location: `/tasks/${made.task.id}` })
    })
    .post('/tasks/bulk', bulkTasks, signedIn, jsonBody(bulkBody, maxBulkBytes), count('bulk'), async (c) =>
      c.json(await changeInBulk(dependencies, c.var.scope, c.var.principal, c.req.valid('json'))),
    )
    .get(taskPath, getTask, signedIn, count('read'), async (c) => {
      const { scope, principal } = c.var
      return sendCached(c, await tasks.getReply(scope, principal, c.req.param('id').toLowerCase()))
    })
    .patch(taskPath, updateTask, signedIn, jsonBody(taskPatch, maxBytes), count('update'), async (c) => {
      const { scope, principal } = c.var
      const expected = parseIfMatch(c.req.header('if-match'))
      const patch = c.req.valid('json')
      const { task, version } = await tasks.update(scope, principal, c.req.param('id'), patch, expected)
      return c.json(task, 200, { etag: formatEtag(version) })
    })
    .delete(taskPath, deleteTask, signedIn, count('delete'), async (c) => {
      const { scope, principal } = c.var
      await tasks.delete(scope, principal, c.req.param('id'), parseIfMatch(c.req.header('if-match')))
      return c.body(null, 204)
    })
}

function sendCached(c: Context, { body, etag }: CachedReply): Response {
  return c.body(body, 200, { 'content-type': 'application/json', ...(etag !== undefined && { etag }) })
}

async function changeInBulk(
  { tasks, metrics, events, noteFeatureUse }: TaskRouteDependencies,
  scope: Scope,
  principal: Principal,
  body: BulkBody,
): Promise<BulkResult> {
  const done = metrics.bulkSeconds.startTimer()
  noteFeatureUse('bulk', principal.userId)
  const result = await tasks.bulk(scope, principal, body)
  done()
  const { create = [], update = [], delete: removed = [] } = body
  metrics.bulkItems.observe(create.length + update.length + removed.length)
  events.audit('tasks.bulk', scope, {
    created: result.created.length,
    updated: result.updated.length,
    deleted: result.deleted.length,
  })
  return result
}

/** Parses the versions in an `If-Match`. A foreign or weak tag matches no version (RFC 9110, 13.1.1). */
function parseIfMatch(ifMatchHeader: string | undefined): ExpectedVersions {
  if (ifMatchHeader === undefined || ifMatchHeader.trim() === '*') return undefined
  return ifMatchHeader.split(',').flatMap((tag) => {
    const version = /^\s*"(\d{1,9})"\s*$/.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}

function countOperation(metrics: Metrics, operation: string): MiddlewareHandler {
  const succeeded = metrics.taskOperations.labels({ operation, result: 'success' })
  return async (c, next) => {
    await next()
    if (c.error === undefined) succeeded.inc()
    else metrics.taskOperations.inc({ operation, result: c.res.status < 500 ? 'refused' : 'error' })
  }
}
