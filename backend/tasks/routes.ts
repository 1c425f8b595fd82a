import { z } from 'zod'
import type { Cached } from '../cache/index.ts'
import { endpoint, Problem } from '../http/index.ts'
import type { Endpoint, Reply } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { newTask, taskPage, taskParams, taskPatch, taskQuery, taskSchema, etagOf } from './model.ts'
import { bulkBody } from './bulk.ts'
import { idempotencyKey } from './idempotency.ts'
import type { Expected, TaskService, Versioned } from './service.ts'

const maxBytes = 262_144
const bulkBytes = 8 * 1024 * 1024
const shared = { tag: 'Tasks', access: 'user', limit: 'user' } as const
const ifMatch = { 'If-Match': { description: 'Only when the task has this ETag', schema: z.string() } }
const etagHeader = { ETag: 'The version of the task' }
const changed = {
  412: { description: 'The task has another ETag', headers: etagHeader },
  409: { description: 'Others change the task all the time' },
}
const replayedHeader = {
  'Idempotency-Replayed': {
    description: 'true when this is the answer to an earlier request',
    required: false,
  },
}

/** Tasks of the caller. Those of others are not there. */
export function taskEndpoints(service: TaskService, parts: TaskRouteParts): Endpoint[] {
  return [
    ...collectionEndpoints(service, parts.metrics),
    bulkEndpoint(service, parts),
    ...itemEndpoints(service, parts.metrics),
  ]
}

export interface TaskRouteParts {
  metrics: Metrics
  events: Events
  featureUsed: (feature: 'bulk', userId: string) => void
}

function bulkEndpoint(service: TaskService, { metrics, events, featureUsed }: TaskRouteParts): Endpoint {
  return endpoint({
    ...shared,
    method: 'POST',
    path: '/tasks/bulk',
    id: 'bulkTasks',
    summary: 'Make, change and delete up to 500 tasks, all or none',
    body: { schema: bulkBody, maxBytes: bulkBytes },
    answers: {
      200: {
        description: 'What was done',
        schema: z.object({
          created: z.array(taskSchema),
          updated: z.array(taskSchema),
          deleted: z.array(z.uuid()),
        }),
      },
    },
    handle: ({ scope, principal, body }) =>
      counted(metrics, 'bulk', async () => {
        const items = (body.create?.length ?? 0) + (body.update?.length ?? 0) + (body.delete?.length ?? 0)
        const done = metrics.bulkSeconds.startTimer()
        featureUsed('bulk', principal.userId)
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

function collectionEndpoints(service: TaskService, metrics: Metrics): Endpoint[] {
  return [
    endpoint({
      ...shared,
      method: 'GET',
      path: '/tasks',
      id: 'listTasks',
      summary: 'A page of tasks',
      query: taskQuery,
      answers: { 200: { description: 'The page', schema: taskPage } },
      handle: ({ scope, principal, query, rawQuery }) =>
        counted(metrics, 'list', async () =>
          jsonReply(await service.listReply(scope, principal, query, rawQuery)),
        ),
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: '/tasks',
      id: 'createTask',
      summary: 'Make a task',
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
          description: 'Makes the request safe to repeat for a day',
          schema: z.string().regex(/^[\x21-\x7e]{1,255}$/),
        },
      },
      handle: ({ scope, principal, body, headers }) =>
        counted(metrics, 'create', async () => {
          const made = await service.create(
            scope,
            principal,
            body,
            idempotencyKey(headers['idempotency-key']),
          )
          const replayed = made.replayed ? { 'idempotency-replayed': 'true' } : {}
          return {
            status: 201,
            json: made.task,
            headers: { etag: etagOf(made.version), location: `/tasks/${made.task.id}`, ...replayed },
          }
        }),
    }),
  ]
}

function itemEndpoints(service: TaskService, metrics: Metrics): Endpoint[] {
  const item = { ...shared, path: '/tasks/:id', params: taskParams } as const
  return [
    endpoint({
      ...item,
      method: 'GET',
      id: 'getTask',
      summary: 'One task',
      answers: { 200: { description: 'The task', schema: taskSchema, headers: etagHeader } },
      handle: ({ scope, principal, params }) =>
        counted(metrics, 'read', async () =>
          jsonReply(await service.getReply(scope, principal, params.id.toLowerCase())),
        ),
    }),
    endpoint({
      ...item,
      method: 'PATCH',
      id: 'updateTask',
      summary: 'Change some fields of a task',
      body: { schema: taskPatch, maxBytes },
      requestHeaders: ifMatch,
      answers: {
        200: { description: 'The task as it is now', schema: taskSchema, headers: etagHeader },
        ...changed,
      },
      handle: ({ scope, principal, params, body, headers }) =>
        counted(metrics, 'update', async () =>
          taskReply(
            200,
            await service.update(scope, principal, params.id, body, expectedVersions(headers['if-match'])),
          ),
        ),
    }),
    endpoint({
      ...item,
      method: 'DELETE',
      id: 'deleteTask',
      summary: 'Delete a task',
      requestHeaders: ifMatch,
      answers: { 204: { description: 'Gone' }, ...changed },
      handle: ({ scope, principal, params, headers }) =>
        counted(metrics, 'delete', async () => {
          await service.delete(scope, principal, params.id, expectedVersions(headers['if-match']))
          return { status: 204 }
        }),
    }),
  ]
}

function jsonReply({ body, etag }: Cached): Reply {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (etag !== undefined) headers['etag'] = etag
  return { status: 200, body, headers }
}

function taskReply(status: number, { task, version }: Versioned): Reply {
  return { status, json: task, headers: { etag: etagOf(version) } }
}

/** The versions in an `If-Match`; a tag that is not ours, or a weak one, matches nothing (RFC 9110, 13.1.1). */
function expectedVersions(ifMatchHeader: string | undefined): Expected {
  if (ifMatchHeader === undefined || ifMatchHeader.trim() === '*') return undefined
  return ifMatchHeader.split(',').flatMap((tag) => {
    const version = /^\s*"(\d{1,9})"\s*$/.exec(tag)?.[1]
    return version === undefined ? [] : [Number(version)]
  })
}

async function counted(metrics: Metrics, operation: string, work: () => Promise<Reply>): Promise<Reply> {
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
