import { isForeignKeyViolation } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { Cached, ReplyCache } from '../cache/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { decodeCursor, encodeCursor, pageStatement } from './page.ts'
import { sortField, taskSchema, etagOf, inUtc, newTaskOf, taskOf } from './model.ts'
import type { NewTask, SortOrder, Task, TaskPatch, TaskQuery } from './model.ts'
import { applyBulk } from './bulk.ts'
import type { BulkBody, BulkResult } from './bulk.ts'
import { earlierAnswer } from './idempotency.ts'
import { deleteTask, foreignTasks, insertTask, lockTask, taskById, updateTask } from './statements.ts'
import type { TaskRow } from './statements.ts'

export interface TaskDependencies {
  database: Database
  metrics: Metrics
  events: Events
  now: () => number
  cache: ReplyCache
  /** Tells other instances that the user's tasks have changed. */
  announceWrite: (userId: string) => void
}

/** A task and its version, of which the ETag is made. */
export interface Versioned {
  task: Task
  version: number
}

export interface Page {
  items: Task[]
  nextCursor: string | null
}

/** `undefined` accepts any version, as a request without `If-Match` does. */
export type Expected = readonly number[] | undefined

/** Changes made without a lock are cheaper; a task that many change at once is locked after this many. */
const attemptLimit = 5

interface CacheCounters {
  hit: { inc: () => void }
  miss: { inc: () => void }
}

export class TaskService {
  readonly #with: TaskDependencies
  readonly #counters: Record<string, CacheCounters> = {}

  constructor(dependencies: TaskDependencies) {
    this.#with = dependencies
  }

  async list(scope: Scope, { userId }: Principal, query: TaskQuery): Promise<Page> {
    const { sort, limit, status, priority, q, cursor } = query
    const shape = {
      sort,
      status: status !== undefined,
      priority: priority !== undefined,
      search: q !== undefined,
      after: cursor !== undefined,
    }
    const position = cursor === undefined ? undefined : decodeCursor(cursor, sort)
    const values = {
      userId,
      limit: limit + 1,
      status,
      priority,
      pattern: q === undefined ? undefined : likePattern(q),
      value: position?.value,
      id: position?.id,
    }
    // One more than the page tells whether there is another.
    const rows = await this.#with.database.run(scope, pageStatement(shape), values)
    const items = rows.slice(0, limit).map(taskOf)
    const last = rows.length > limit ? items.at(-1) : undefined
    return {
      items,
      nextCursor:
        last === undefined ? null : encodeCursor(sort, { value: sortValue(last, sort), id: last.id }),
    }
  }

  /** A page as it is sent, from the cache if it is there. */
  listReply(scope: Scope, principal: Principal, query: TaskQuery, key: string): Promise<Cached> | Cached {
    return this.#cached('tasks_page', principal.userId, key, async () => ({
      body: JSON.stringify(await this.list(scope, principal, query)),
      etag: undefined,
    }))
  }

  /** A task as it is sent, from the cache if it is there. */
  getReply(scope: Scope, principal: Principal, id: string): Promise<Cached> | Cached {
    return this.#cached('task', principal.userId, id, async () => {
      const { task, version } = await this.get(scope, principal, id)
      return { body: JSON.stringify(task), etag: etagOf(version) }
    })
  }

  /** With `key` the same request made again gets the answer of the first, for a day. */
  create(
    scope: Scope,
    { userId }: Principal,
    input: NewTask,
    key?: string,
  ): Promise<Versioned & { replayed: boolean }> {
    const task = newTaskOf(input, this.#with.now())
    const values = { ...task, userId, now: task.createdAt }
    return this.#writing(userId, async () => {
      if (key === undefined) {
        await this.#with.database.run(scope, insertTask, values)
        return { task, version: 1, replayed: false }
      }
      const earlier = await this.#with.database.transaction(scope, async (tx) => {
        const answer = await earlierAnswer(tx, userId, key, input, JSON.stringify(task), task.createdAt)
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

  /** All of `body` or nothing of it. */
  async bulk(scope: Scope, { userId }: Principal, body: BulkBody): Promise<BulkResult> {
    try {
      return await this.#writing(userId, () =>
        this.#with.database.transaction(scope, (tx) => applyBulk(tx, userId, body, this.#with.now())),
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

  async get(scope: Scope, principal: Principal, id: string): Promise<Versioned> {
    const row = await this.#own(scope, principal, id)
    return { task: taskOf(row), version: row.version }
  }

  /** Writes the fields of `patch`. Throws `changed-meanwhile` when the version is not an expected one. */
  update(
    scope: Scope,
    principal: Principal,
    id: string,
    patch: TaskPatch,
    expected: Expected,
  ): Promise<Versioned> {
    return this.#writing(principal.userId, () => this.#update(scope, principal, id, patch, expected))
  }

  delete(scope: Scope, principal: Principal, id: string, expected: Expected): Promise<void> {
    return this.#writing(principal.userId, () => this.#delete(scope, principal, id, expected))
  }

  async #update(
    scope: Scope,
    principal: Principal,
    id: string,
    patch: TaskPatch,
    expected: Expected,
  ): Promise<Versioned> {
    for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
      const row = await this.#own(scope, principal, id)
      const [updated] = await this.#with.database.run(
        scope,
        updateTask,
        this.#changes(principal, row, patch, expected),
      )
      if (updated !== undefined) return { task: taskOf(updated), version: updated.version }
      // Somebody else was faster: look again.
    }
    const [updated] = await this.#with.database.transaction(scope, async (tx) => {
      const [row] = await tx.run(lockTask, { id, userId: principal.userId })
      return row === undefined ? [] : tx.run(updateTask, this.#changes(principal, row, patch, expected))
    })
    if (updated === undefined) throw new Problem('not-found', { detail: 'There is no such task' })
    return { task: taskOf(updated), version: updated.version }
  }

  /** The values of {@link updateTask}. */
  #changes(
    { userId }: Principal,
    row: TaskRow,
    patch: TaskPatch,
    expected: Expected,
  ): Record<string, unknown> {
    requireVersion(expected, row.version)
    const merged = { ...taskOf(row), ...definedOnly(patch) }
    return {
      ...merged,
      dueAt: inUtc(merged.dueAt),
      userId,
      version: row.version,
      now: new Date(this.#with.now()).toISOString(),
    }
  }

  async #delete(scope: Scope, principal: Principal, id: string, expected: Expected): Promise<void> {
    for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
      const version = expected === undefined ? null : (await this.#own(scope, principal, id)).version
      if (version !== null) requireVersion(expected, version)
      const [deleted] = await this.#with.database.run(scope, deleteTask, {
        id,
        userId: principal.userId,
        version,
      })
      if (deleted !== undefined) return
      // Absent, another user's, or changed since: the first two end here.
      await this.#own(scope, principal, id)
    }
    throw new Problem('conflict', { detail: 'The task is changed by others all the time' })
  }

  #cached(cache: string, userId: string, key: string, read: () => Promise<Cached>): Promise<Cached> | Cached {
    const known = this.#with.cache.get(userId, key)
    const counters = (this.#counters[cache] ??= this.#countersOf(cache))
    if (known === undefined) {
      counters.miss.inc()
      return this.#readThrough(userId, key, read)
    }
    counters.hit.inc()
    return known
  }

  async #readThrough(userId: string, key: string, read: () => Promise<Cached>): Promise<Cached> {
    const { cache } = this.#with
    const reading = cache.begin(userId, key)
    try {
      const reply = await read()
      cache.keep(reading, reply)
      return reply
    } finally {
      cache.abandon(reading)
    }
  }

  #countersOf(cache: string): CacheCounters {
    const { cacheRequests } = this.#with.metrics
    return {
      hit: cacheRequests.labels({ cache, result: 'hit' }),
      miss: cacheRequests.labels({ cache, result: 'miss' }),
    }
  }

  // Also after an error: whether a write that failed was made is not always known.
  async #writing<T>(userId: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (isForeignKeyViolation(error))
        throw new Problem('unauthenticated', {
          detail: 'The account is gone',
          headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
        })
      throw error
    } finally {
      this.#with.cache.invalidate(userId)
      this.#with.announceWrite(userId)
    }
  }

  // Of a bulk operation, which reads only what is the caller's.
  async #reportForeign(scope: Scope, userId: string, ids: readonly string[]): Promise<void> {
    const [found] = await this.#with.database.run(scope, foreignTasks, { ids: JSON.stringify(ids), userId })
    if (found === undefined || found.count === 0) return
    this.#with.metrics.accessDenied.inc({ kind: 'cross_user' }, found.count)
    this.#with.events.security('access.cross_user', scope, { tasks: found.count })
  }

  async #own(scope: Scope, { userId }: Principal, id: string): Promise<TaskRow> {
    const [row] = await this.#with.database.run(scope, taskById, { id })
    if (row?.userId === userId) return row
    if (row !== undefined) this.#crossed(scope, id)
    throw new Problem('not-found', { detail: 'There is no such task' })
  }

  #crossed(scope: Scope, taskId: string): void {
    this.#with.metrics.accessDenied.inc({ kind: 'cross_user' })
    this.#with.events.security('access.cross_user', scope, { taskId })
  }
}

// `%` and `_` in what is searched for mean themselves.
function likePattern(q: string): string {
  return `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

function sortValue(task: Task, sort: SortOrder): string {
  return task[sortField(sort)] ?? 'infinity'
}

function requireVersion(expected: Expected, version: number): void {
  if (expected === undefined || expected.includes(version)) return
  throw new Problem('changed-meanwhile', {
    detail: 'The task is not in the version that If-Match names',
    headers: { etag: etagOf(version) },
  })
}

// An absent field and one that is `undefined` are the same to a caller, but not to a spread.
function definedOnly(patch: TaskPatch): Partial<Task> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
}
