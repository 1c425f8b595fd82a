import { z } from 'zod'
import type { CachedReply } from '../cache/cache.ts'
import { defineEndpoint, Problem } from '../http/index.ts'
import type { Endpoint, Reply } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { newTask, taskPage, taskParams, taskPatch, taskQuery, taskSchema, formatEtag } from './model.ts'
import { bulkBody } from './bulk.ts'
import { parseIdempotencyKey } from './statements.ts'
import type { ExpectedVersions, TaskService, VersionedTask } from './service.ts'

const maxBytes = 262_144
const bulkBytes = 8 * 1024 * 1024
const shared = { tag: 'Tasks', access: 'user', limit: 'user' } as const
const ifMatch = { 'If-Match': { description: 'Requires that the task has this ETag', schema: z.string() } }
const etagHeader = { ETag: 'The version of the task' }
const changed = {
  412: { description: 'The task has another ETag', headers: etagHeader },
  409: { description: 'The task was changed repeatedly at the same time' },
}
const replayedHeader = {
  'Idempotency-Replayed': {
    description: 'true if this is the answer to an earlier request',
    required: false,
  },
}

/** The tasks of the caller. Tasks of other users count as missing. */
export function buildTaskEndpoints(service: TaskService, dependencies: TaskRouteDependencies): Endpoint[] {
  return [
    ...buildCollectionEndpoints(service, dependencies.metrics),
    buildBulkEndpoint(service, dependencies),
    ...buildItemEndpoints(service, dependencies.metrics),
  ]
}

export interface TaskRouteDependencies {
  metrics: Metrics
  events: Events
  noteFeatureUse: (feature: 'bulk', userId: string) => void
}

function buildBulkEndpoint(
  service: TaskService,
  { metrics, events, noteFeatureUse }: TaskRouteDependencies,
): Endpoint {
  return defineEndpoint({
    ...shared,
    method: 'POST',
    path: '/tasks/bulk',
    id: 'bulkTasks',
    summary: 'Create, change and delete up to 500 tasks, all or none',
    body: { schema: bulkBody, maxBytes: bulkBytes },
    answers: {
      200: {
        description: 'The created, updated and deleted tasks',
        schema: z.object({
          created: z.array(taskSchema),
          updated: z.array(taskSchema),
          deleted: z.array(z.uuid()),
        }),
      },
    },
    handle: ({ scope, principal, body }) =>
      countOperation(metrics, 'bulk', async () => {
        const items = (body.create?.length ?? 0) + (body.update?.length ?? 0) + (body.delete?.length ?? 0)
        const done = metrics.bulkSeconds.startTimer()
        noteFeatureUse('bulk', principal.userId)
        const result = await service.bulk(scope, principal, body)
        done()
        metrics.bulkItems.observe(items)
        events.audit('tasks.bulk', scope, {
          created: result.created.length,
          updated: result.updated.length,
          deleted: result.deleted.length,
        })
        return { status: 200, json: result }
      }),
  })
}

function buildCollectionEndpoints(service: TaskService, metrics: Metrics): Endpoint[] {
  return [
    defineEndpoint({
      ...shared,
      method: 'GET',
      path: '/tasks',
      id: 'listTasks',
      summary: 'List tasks, one page at a time',
      query: taskQuery,
      answers: { 200: { description: 'The page', schema: taskPage } },
      handle: ({ scope, principal, query, rawQuery }) =>
        countOperation(metrics, 'list', async () =>
          toReply(await service.listReply(scope, principal, query, rawQuery)),
        ),
    }),
    defineEndpoint({
      ...shared,
      method: 'POST',
      path: '/tasks',
      id: 'createTask',
      summary: 'Create a task',
      body: { schema: newTask, maxBytes },
      answers: {
        201: {
          description: 'The task',
          schema: taskSchema,
          headers: { Location: 'The path of the task', ...etagHeader, ...replayedHeader },
          links: ['getTask', 'updateTask', 'deleteTask'],
        },
        409: { description: 'The Idempotency-Key was used for another request' },
      },
      requestHeaders: {
        'Idempotency-Key': {
          description: 'Makes it safe to repeat the request for a day',
          schema: z.string().regex(/^[\x21-\x7e]{1,255}$/),
        },
      },
      handle: ({ scope, principal, body, headers }) =>
        countOperation(metrics, 'create', async () => {
          const made = await service.create(
            scope,
            principal,
            body,
            parseIdempotencyKey(headers['idempotency-key']),
          )
          const replayed = made.replayed ? { 'idempotency-replayed': 'true' } : {}
          return {
            status: 201,
            json: made.task,
            headers: { etag: formatEtag(made.version), location: `/tasks/${made.task.id}`, ...replayed },
          }
        }),
    }),
  ]
}

function buildItemEndpoints(service: TaskService, metrics: Metrics): Endpoint[] {
  const item = { ...shared, path: '/tasks/:id', params: taskParams } as const
  return [
    defineEndpoint({
      ...item,
      method: 'GET',
      id: 'getTask',
      summary: 'Get a task',
      answers: { 200: { description: 'The task', schema: taskSchema, headers: etagHeader } },
      handle: ({ scope, principal, params }) =>
        countOperation(metrics, 'read', async () =>
          toReply(await service.getReply(scope, principal, params.id.toLowerCase())),
        ),
    }),
    defineEndpoint({
      ...item,
      method: 'PATCH',
      id: 'updateTask',
      summary: 'Change some fields of a task',
      body: { schema: taskPatch, maxBytes },
      requestHeaders: ifMatch,
      answers: {
        200: { description: 'The changed task', schema: taskSchema, headers: etagHeader },
        ...changed,
      },
      handle: ({ scope, principal, params, body, headers }) =>
        countOperation(metrics, 'update', async () =>
          toTaskReply(
            200,
            await service.update(scope, principal, params.id, body, parseIfMatch(headers['if-match'])),
          ),
        ),
    }),
    defineEndpoint({
      ...item,
      method: 'DELETE',
      id: 'deleteTask',
      summary: 'Delete a task',
      requestHeaders: ifMatch,
      answers: { 204: { description: 'Deleted' }, ...changed },
      handle: ({ scope, principal, params, headers }) =>
        countOperation(metrics, 'delete', async () => {
          await service.delete(scope, principal, params.id, parseIfMatch(headers['if-match']))
          return { status: 204 }
        }),
    }),
  ]
}

function toReply({ body, etag }: CachedReply): Reply {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (etag !== undefined) headers['etag'] = etag
  return { status: 200, body, headers }
}

function toTaskReply(status: number, { task, version }: VersionedTask): Reply {
  return { status, json: task, headers: { etag: formatEtag(version) } }
}

/** Parses the versions in an `If-Match`. A foreign or weak tag matches no version (RFC 9110, 13.1.1). */
function parseIfMatch(ifMatchHeader: string | undefined): ExpectedVersions {
  if (ifMatchHeader === undefined || ifMatchHeader.trim() === '*') return undefined
  return ifMatchHeader.split(',').flatMap((tag) => {
    const version = /^\s*"(\d{1,9})"\s*$/.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}

async function countOperation(
  metrics: Metrics,
  operation: string,
  work: () => Promise<Reply>,
): Promise<Reply> {
  try {
    const reply = await work()
    metrics.taskOperations.inc({ operation, result: 'success' })
    return reply
  } catch (error) {
    metrics.taskOperations.inc({
      operation,
      result: error instanceof Problem && error.status < 500 ? 'refused' : 'error',
    })
    throw error
  }
}
