import { and, eq, inArray, ne, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { CachedReply, ReplyCache } from '../cache/cache.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { readPage } from './page.ts'
import { taskSchema, formatEtag, buildTask } from './model.ts'
import type { NewTask, TaskPatch, TaskQuery } from './model.ts'
import { applyBulk, listTargets } from './bulk.ts'
import type { BulkBody, BulkResult } from './bulk.ts'
import { answerOnce, columns, insertTask, taskById } from './statements.ts'
import type { TaskRow } from './statements.ts'

const { tasks } = schema

export interface TaskDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
  cache: ReplyCache
}

/** Who asks, and the request. */
export interface Caller {
  scope: Scope
  principal: Principal
}

/** `undefined` accepts any version, as a request without `If-Match` does. */
export type ExpectedVersions = number[] | undefined

export class TaskService {
  readonly #dependencies: TaskDependencies

  constructor(dependencies: TaskDependencies) {
    this.#dependencies = dependencies
  }

  /** Returns a page as it is sent, from the cache if possible. */
  listReply(caller: Caller, query: TaskQuery): Promise<CachedReply> | CachedReply {
    const { database } = this.#dependencies
    return this.#cached('tasks_page', caller, JSON.stringify(query), async () => ({
      body: JSON.stringify(await readPage(database, caller.scope, caller.principal, query)),
      headers: { 'content-type': 'application/json' },
    }))
  }

  /** Returns a task as it is sent, from the cache if possible. */
  getReply(caller: Caller, id: string): Promise<CachedReply> | CachedReply {
    return this.#cached('task', caller, id, async () => {
      const { version, ...task } = await this.#get(caller, id)
      const headers = { 'content-type': 'application/json', etag: formatEtag(version) }
      return { body: JSON.stringify(task), headers }
    })
  }

  /** With `key`, a repeated request gets the answer of the first one, for a day. */
  create(caller: Caller, input: NewTask, key?: string): Promise<{ row: TaskRow; replayed: boolean }> {
    const { database, now } = this.#dependencies
    const { scope, principal } = caller
    const { userId } = principal
    const values = { ...buildTask(input, now()), userId }
    return this.#writing(caller, async () => {
      if (key === undefined) {
        const [row] = await database.run(scope, insertTask, values)
        return { row: requireInserted(row), replayed: false }
      }
      const { answer, replayed } = await database.transaction(scope, (tx) =>
        answerOnce(tx, { userId, key }, input, async () => {
          const [row] = await tx.run(insertTask, values)
          return JSON.stringify(requireInserted(row))
        }),
      )
      return { row: { ...taskSchema.parse(JSON.parse(answer)), version: 1 }, replayed }
    })
  }

  /** Applies all of `body` or nothing. */
  async bulk(caller: Caller, body: BulkBody): Promise<BulkResult> {
    const { database, metrics, events, now } = this.#dependencies
    const { scope, principal } = caller
    const done = metrics.bulkSeconds.startTimer()
    try {
      const result = await this.#writing(caller, () =>
        database.transaction(scope, (tx) => applyBulk(tx, principal.userId, body, now())),
      )
      done()
      const [created, updated, deleted] = [
        result.created.length,
        result.updated.length,
        result.deleted.length,
      ]
      metrics.bulkItems.observe(created + updated + deleted)
      events.audit('tasks.bulk', scope, { created, updated, deleted })
      return result
    } catch (error) {
      if (error instanceof Problem && error.kind === 'invalid') await this.#reportForeign(caller, body)
      throw error
    }
  }

  /** Writes the fields of `patch`. Throws `changed-meanwhile` if the version is not an expected one. */
  update(caller: Caller, id: string, patch: TaskPatch, expected: ExpectedVersions): Promise<TaskRow> {
    const { database, now } = this.#dependencies
    const changes = {
      ...patch,
      updatedAt: sql`greatest(${new Date(now()).toISOString()}, ${tasks.updatedAt})`,
      version: sql`${tasks.version} + 1`,
    }
    return this.#writing(caller, async () => {
      const [updated] = await database.query(caller.scope, 'tasks.update', (db) =>
        db
          .update(tasks)
          .set(changes)
          .where(isExpected(caller.principal, id, expected))
          .returning(columns),
      )
      return updated ?? this.#refuseChange(caller, id)
    })
  }

  delete(caller: Caller, id: string, expected: ExpectedVersions): Promise<void> {
    return this.#writing(caller, async () => {
      const { rowCount } = await this.#dependencies.database.query(caller.scope, 'tasks.delete', (db) =>
        db.delete(tasks).where(isExpected(caller.principal, id, expected)),
      )
      if (rowCount === 0) await this.#refuseChange(caller, id)
    })
  }

  /** Throws `not-found` if the caller has no such task, or else `changed-meanwhile`. */
  async #refuseChange(caller: Caller, id: string): Promise<never> {
    const { version } = await this.#get(caller, id)
    throw new Problem('changed-meanwhile', {
      detail: 'The version of the task is not in If-Match',
      headers: { etag: formatEtag(version) },
    })
  }

  #cached(
    cache: string,
    { principal: { userId } }: Caller,
    key: string,
    read: () => Promise<CachedReply>,
  ): Promise<CachedReply> | CachedReply {
    const known = this.#dependencies.cache.get(userId, key)
    this.#dependencies.metrics.cacheRequests.inc({ cache, result: known === undefined ? 'miss' : 'hit' })
    return known ?? this.#dependencies.cache.read(userId, key, read)
  }

  // Also after an error, because a failed write may have been committed.
  async #writing<T>({ principal }: Caller, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } finally {
      this.#dependencies.cache.invalidate(principal.userId)
    }
  }

  // For bulk operations, which read only the caller's tasks.
  async #reportForeign({ scope, principal }: Caller, body: BulkBody): Promise<void> {
    const { database, metrics, events } = this.#dependencies
    const ids = listTargets(body).map(({ id }) => id)
    const foreign = await database.query(scope, 'tasks.foreign', (db) =>
      db
        .select({ id: tasks.id })
        .from(tasks)
        .where(and(inArray(tasks.id, ids), ne(tasks.userId, principal.userId))),
    )
    if (foreign.length === 0) return
    metrics.accessDenied.inc({ kind: 'cross_user' }, foreign.length)
    events.security('access.cross_user', scope, { tasks: foreign.length })
  }

  async #get({ scope, principal }: Caller, id: string): Promise<TaskRow> {
    const { database, metrics, events } = this.#dependencies
    const [found] = await database.run(scope, taskById, { id })
    if (found?.userId === principal.userId) {
      const { userId: _, ...row } = found
      return row
    }
    if (found !== undefined) {
      metrics.accessDenied.inc({ kind: 'cross_user' })
      events.security('access.cross_user', scope, { taskId: id })
    }
    throw new Problem('not-found', { detail: 'The task does not exist' })
  }
}

function requireInserted(row: TaskRow | undefined): TaskRow {
  if (row === undefined) throw new Error('tasks: found no row after inserting a task')
  return row
}

/** The task with `id` if it is the caller's, at one of the versions. */
function isExpected({ userId }: Principal, id: string, expected: ExpectedVersions): SQL | undefined {
  return and(eq(tasks.id, id), eq(tasks.userId, userId), expected && inArray(tasks.version, expected))
}
