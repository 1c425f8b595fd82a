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
import {
  claimIdempotencyKey,
  deleteTask,
  foreignTasks,
  insertTask,
  lockTask,
  taskById,
  updateTask,
} from './statements.ts'
import type { TaskRow } from './statements.ts'

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

/** Attempts without a lock, which are cheaper. Afterwards the task is locked. */
const attemptLimit = 5

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
  listReply(
    scope: Scope,
    principal: Principal,
    query: TaskQuery,
    key: string,
  ): Promise<CachedReply> | CachedReply {
    const { database } = this.#dependencies
    return this.#cached('tasks_page', principal.userId, key, async () => ({
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
    const task = buildTask(input, this.#dependencies.now())
    const values = { ...task, userId, now: task.createdAt }
    return this.#writing(userId, async () => {
      if (key === undefined) {
        await this.#dependencies.database.run(scope, insertTask, values)
        return { task, version: 1, replayed: false }
      }
      const earlier = await this.#dependencies.database.transaction(scope, async (tx) => {
        const answer = await claimIdempotencyKey(tx, userId, key, input, JSON.stringify(task), task.createdAt)
        if (answer === undefined) await tx.run(insertTask, values)
        return answer
      })
      return {
        task: earlier === undefined ? task : taskSchema.parse(JSON.parse(earlier)),
        version: 1,
        replayed: earlier !== undefined,
      }
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
    patch: TaskPatch,
    expected: ExpectedVersions,
  ): Promise<VersionedTask> {
    return this.#writing(principal.userId, async () => {
      for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
        const row = await this.#own(scope, principal, id)
        const [updated] = await this.#dependencies.database.run(
          scope,
          updateTask,
          this.#changes(principal, row, patch, expected),
        )
        if (updated !== undefined) return toVersioned(updated)
        // Another request changed it first: read it again.
      }
      const [updated] = await this.#dependencies.database.transaction(scope, async (tx) => {
        const [row] = await tx.run(lockTask, { id, userId: principal.userId })
        return row === undefined ? [] : tx.run(updateTask, this.#changes(principal, row, patch, expected))
      })
      if (updated === undefined) throw new Problem('not-found', { detail: 'The task does not exist' })
      return toVersioned(updated)
    })
  }

  delete(scope: Scope, principal: Principal, id: string, expected: ExpectedVersions): Promise<void> {
    return this.#writing(principal.userId, async () => {
      for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
        const version = expected === undefined ? null : (await this.#own(scope, principal, id)).version
        if (version !== null) requireVersion(expected, version)
        const [deleted] = await this.#dependencies.database.run(scope, deleteTask, {
          id,
          userId: principal.userId,
          version,
        })
        if (deleted !== undefined) return
        // Missing, of another user, or changed: this throws for the first two.
        await this.#own(scope, principal, id)
      }
      throw new Problem('conflict', { detail: 'The task was changed repeatedly at the same time' })
    })
  }

  /** The values of {@link updateTask}. */
  #changes(
    { userId }: Principal,
    row: TaskRow,
    patch: TaskPatch,
    expected: ExpectedVersions,
  ): Record<string, unknown> {
    requireVersion(expected, row.version)
    const merged = { ...toTask(row), ...omitUndefined(patch) }
    return {
      ...merged,
      dueAt: toUtc(merged.dueAt),
      userId,
      version: row.version,
      now: new Date(this.#dependencies.now()).toISOString(),
    }
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
    const [found] = await this.#dependencies.database.run(scope, foreignTasks, {
      ids: JSON.stringify(ids),
      userId,
    })
    if (found === undefined || found.count === 0) return
    this.#dependencies.metrics.accessDenied.inc({ kind: 'cross_user' }, found.count)
    this.#dependencies.events.security('access.cross_user', scope, { tasks: found.count })
  }

  async #own(scope: Scope, { userId }: Principal, id: string): Promise<TaskRow> {
    const [row] = await this.#dependencies.database.run(scope, taskById, { id })
    if (row?.userId === userId) return row
    if (row !== undefined) this.#crossed(scope, id)
    throw new Problem('not-found', { detail: 'The task does not exist' })
  }

  #crossed(scope: Scope, taskId: string): void {
    this.#dependencies.metrics.accessDenied.inc({ kind: 'cross_user' })
    this.#dependencies.events.security('access.cross_user', scope, { taskId })
  }
}

function toVersioned(row: TaskRow): VersionedTask {
  return { task: toTask(row), version: row.version }
}

function requireVersion(expected: ExpectedVersions, version: number): void {
  if (expected === undefined || expected.includes(version)) return
  throw new Problem('changed-meanwhile', {
    detail: 'The version of the task is not in If-Match',
    headers: { etag: formatEtag(version) },
  })
}

// For callers, an absent field equals an `undefined` one, but not for a spread.
function omitUndefined(patch: TaskPatch): Partial<Task> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
}
