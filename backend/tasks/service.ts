import { and, eq, inArray, ne, sql } from '../db/drizzle.ts'
import type { SQL } from '../db/drizzle.ts'
import { schema } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { CachedReply, ReplyCache } from '../cache/cache.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { readPage } from './page.ts'
import { taskSchema, formatEtag, toUtc, buildTask, toTask } from './model.ts'
import type { NewTask, Task, TaskPatch, TaskQuery } from './model.ts'
import { applyBulk } from './bulk.ts'
import type { BulkBody, BulkResult } from './bulk.ts'
import { claimIdempotencyKey, columns, insertTask, storeAnswer, taskById } from './statements.ts'
import type { TaskRow } from './statements.ts'

const { tasks } = schema

export interface TaskDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
  cache: ReplyCache
}

/** A task and its version, from which the ETag is formatted. */
export interface VersionedTask {
  task: Task
  version: number
}

/** `undefined` accepts any version, as a request without `If-Match` does. */
export type ExpectedVersions = readonly number[] | undefined

/** The greatest version that the column can hold. */
const maxVersion = 2_147_483_647

interface CacheCounters {
  hit: { inc: () => void }
  miss: { inc: () => void }
}

export class TaskService {
  readonly #dependencies: TaskDependencies
  readonly #counters: Record<string, CacheCounters> = {}

  constructor(dependencies: TaskDependencies) {
    this.#dependencies = dependencies
  }

  /** Returns a page as it is sent, from the cache if possible. */
  listReply(scope: Scope, principal: Principal, query: TaskQuery): Promise<CachedReply> | CachedReply {
    const { database } = this.#dependencies
    return this.#cached('tasks_page', principal.userId, JSON.stringify(query), async () => ({
      body: JSON.stringify(await readPage(database, scope, principal, query)),
      etag: undefined,
    }))
  }

  /** Returns a task as it is sent, from the cache if possible. */
  getReply(scope: Scope, principal: Principal, id: string): Promise<CachedReply> | CachedReply {
    return this.#cached('task', principal.userId, id, async () => {
      const { task, version } = await this.get(scope, principal, id)
      return { body: JSON.stringify(task), etag: formatEtag(version) }
    })
  }

  /** With `key`, a repeated request gets the answer of the first one, for a day. */
  create(
    scope: Scope,
    { userId }: Principal,
    input: NewTask,
    key?: string,
  ): Promise<VersionedTask & { replayed: boolean }> {
    const { database, now } = this.#dependencies
    const values = { ...buildTask(input, now()), userId }
    return this.#writing(userId, async () => {
      if (key === undefined) return createdFrom(await database.run(scope, insertTask, values))
      return database.transaction(scope, async (tx) => {
        const earlier = await claimIdempotencyKey(tx, { userId, key }, input)
        if (earlier !== undefined)
          return { task: taskSchema.parse(JSON.parse(earlier)), version: 1, replayed: true }
        const created = createdFrom(await tx.run(insertTask, values))
        await storeAnswer(tx, { userId, key }, JSON.stringify(created.task))
        return created
      })
    })
  }

  /** Applies all of `body` or nothing. */
  async bulk(scope: Scope, { userId }: Principal, body: BulkBody): Promise<BulkResult> {
    try {
      return await this.#writing(userId, () =>
        this.#dependencies.database.transaction(scope, (tx) =>
          applyBulk(tx, userId, body, this.#dependencies.now()),
        ),
      )
    } catch (error) {
      if (error instanceof Problem && error.kind === 'invalid')
        await this.#reportForeign(scope, userId, [
          ...(body.update ?? []).map(({ id }) => id),
          ...(body.delete ?? []),
        ])
      throw error
    }
  }

  async get(scope: Scope, principal: Principal, id: string): Promise<VersionedTask> {
    return toVersioned(await this.#own(scope, principal, id))
  }

  /** Writes the fields of `patch`. Throws `changed-meanwhile` if the version is not an expected one. */
  update(
    scope: Scope,
    principal: Principal,
    id: string,
    { dueAt, ...patch }: TaskPatch,
    expected: ExpectedVersions,
  ): Promise<VersionedTask> {
    const changes = {
      ...patch,
      ...(dueAt !== undefined && { dueAt: toUtc(dueAt) }),
      updatedAt: sql`greatest(${new Date(this.#dependencies.now()).toISOString()}, ${tasks.updatedAt})`,
      version: sql`${tasks.version} + 1`,
    }
    return this.#writing(principal.userId, async () => {
      const [updated] = await this.#dependencies.database.query(scope, 'tasks.update', (db) =>
        db
          .update(tasks)
          .set(changes)
          .where(isExpected(principal, id, expected))
          .returning(columns),
      )
      return updated === undefined ? this.#refuseChange(scope, principal, id) : toVersioned(updated)
    })
  }

  delete(scope: Scope, principal: Principal, id: string, expected: ExpectedVersions): Promise<void> {
    return this.#writing(principal.userId, async () => {
      const { rowCount } = await this.#dependencies.database.query(scope, 'tasks.delete', (db) =>
        db.delete(tasks).where(isExpected(principal, id, expected)),
      )
      if (rowCount === 0) await this.#refuseChange(scope, principal, id)
    })
  }

  /** Throws `not-found` if the caller has no such task, or else `changed-meanwhile`. */
  async #refuseChange(scope: Scope, principal: Principal, id: string): Promise<never> {
    const { version } = await this.#own(scope, principal, id)
    throw new Problem('changed-meanwhile', {
      detail: 'The version of the task is not in If-Match',
      headers: { etag: formatEtag(version) },
    })
  }

  #cached(
    cache: string,
    userId: string,
    key: string,
    read: () => Promise<CachedReply>,
  ): Promise<CachedReply> | CachedReply {
    const known = this.#dependencies.cache.get(userId, key)
    const counters = (this.#counters[cache] ??= this.#createCounters(cache))
    if (known === undefined) {
      counters.miss.inc()
      return this.#dependencies.cache.read(userId, key, read)
    }
    counters.hit.inc()
    return known
  }

  #createCounters(cache: string): CacheCounters {
    const { cacheRequests } = this.#dependencies.metrics
    return {
      hit: cacheRequests.labels({ cache, result: 'hit' }),
      miss: cacheRequests.labels({ cache, result: 'miss' }),
    }
  }

  // Also after an error, because a failed write may have been committed.
  async #writing<T>(userId: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } finally {
      this.#dependencies.cache.invalidate(userId)
    }
  }

  // For bulk operations, which read only the caller's tasks.
  async #reportForeign(scope: Scope, userId: string, ids: readonly string[]): Promise<void> {
    const { database, metrics, events } = this.#dependencies
    const foreign = await database.query(scope, 'tasks.foreign', (db) =>
      db
        .select({ id: tasks.id })
        .from(tasks)
        .where(and(inArray(tasks.id, [...ids]), ne(tasks.userId, userId))),
    )
    if (foreign.length === 0) return
    metrics.accessDenied.inc({ kind: 'cross_user' }, foreign.length)
    events.security('access.cross_user', scope, { tasks: foreign.length })
  }

  async #own(scope: Scope, { userId }: Principal, id: string): Promise<TaskRow> {
    const [row] = await this.#dependencies.database.run(scope, taskById, { id })
    if (row?.userId === userId) return row
    const { metrics, events } = this.#dependencies
    if (row !== undefined) {
      metrics.accessDenied.inc({ kind: 'cross_user' })
      events.security('access.cross_user', scope, { taskId: id })
    }
    throw new Problem('not-found', { detail: 'The task does not exist' })
  }
}

function createdFrom(rows: readonly TaskRow[]): VersionedTask & { replayed: boolean } {
  const [row] = rows
  if (row === undefined) throw new Error('tasks: found no row after inserting a task')
  return { ...toVersioned(row), replayed: false }
}

function toVersioned(row: TaskRow): VersionedTask {
  return { task: toTask(row), version: row.version }
}

/** The task with `id` if it is the caller's, at one of the versions. */
function isExpected({ userId }: Principal, id: string, expected: ExpectedVersions): SQL | undefined {
  const possible = expected?.filter((version) => version <= maxVersion)
  return and(eq(tasks.id, id), eq(tasks.userId, userId), possible && inArray(tasks.version, possible))
}
