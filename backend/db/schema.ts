import {
  bigint,
  customType,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  sql,
  text,
  uuid,
} from './drizzle.ts'
import type { SQL, SQLWrapper } from './drizzle.ts'

/**
 * A point in time, as ISO 8601 in UTC with milliseconds. Converted from PostgreSQL's text by slicing: in a
 * profile, a `Date` for each of the 60 values in a page of 20 tasks was the largest cost.
 */
const instant = customType<{ data: string; driverData: string }>({
  dataType: () => 'timestamp (3) with time zone',
  fromDriver: (value) => isoInstant(value),
  toDriver: (value) => value,
})

/** Converts `2026-11-24 04:12:00.12+00` to ISO 8601. Behind a pooler, sessions may not be in UTC. */
export function isoInstant(value: string): string {
  const zone = value.lastIndexOf('+')
  if (!value.endsWith('+00')) return new Date(value).toISOString()
  const fraction = zone > 20 ? value.slice(20, zone) : ''
  return `${value.slice(0, 10)}T${value.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`
}

const createdAt = () =>
  instant('created_at')
    .notNull()
    .default(sql`now()`)
/** Later ids sort after earlier ones, so an index grows at its end. */
const newId = () =>
  uuid()
    .primaryKey()
    .default(sql`uuidv7()`)

export const taskStatus = pgEnum('task_status', ['todo', 'in_progress', 'done'])
export const taskPriority = pgEnum('task_priority', ['low', 'medium', 'high'])

export const users = pgTable('users', {
  id: newId(),
  /** In lower case: one account per address, however it is typed. */
  email: text().notNull().unique(),
  passwordHash: text('password_hash').notNull(),
  createdAt: createdAt(),
})

/** The user to whom a row belongs. It is deleted with the user. */
const ownerId = () =>
  uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

/** A login. Its refresh tokens are one family and are revoked together. */
export const sessions = pgTable(
  'sessions',
  {
    id: newId(),
    userId: ownerId(),
    createdAt: createdAt(),
    expiresAt: instant('expires_at').notNull(),
    revokedAt: instant('revoked_at'),
  },
  (table) => [index('sessions_user').on(table.userId), index('sessions_expiry').on(table.expiresAt)],
)

/** Sessions and users whose access tokens are no longer valid, for the other instances. */
export const revocations = pgTable(
  'revocations',
  {
    id: uuid().primaryKey(),
    createdAt: createdAt(),
  },
  (table) => [index('revocations_age').on(table.createdAt)],
)

/** Stores only the SHA-256 of a token, so a copy of this table gives no access. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    hash: text().primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    usedAt: instant('used_at'),
  },
  (table) => [index('refresh_tokens_session').on(table.sessionId)],
)

export const tasks = pgTable(
  'tasks',
  {
    id: newId(),
    userId: ownerId(),
    title: text().notNull(),
    description: text(),
    status: taskStatus().notNull(),
    priority: taskPriority().notNull(),
    dueAt: instant('due_at'),
    tags: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull(),
    /** Counts changes; the ETag. */
    version: integer().notNull().default(1),
  },
  // The order of the default page; the other orders sort one user's rows.
  (table) => [index('tasks_page').on(table.userId, table.createdAt, table.id)],
)

/** Failed logins per email address, also for addresses without an account. */
export const loginFailures = pgTable(
  'login_failures',
  {
    emailHash: text('email_hash').primaryKey(),
    failures: integer().notNull(),
    windowEndsAt: instant('window_ends_at').notNull(),
    lockedUntil: instant('locked_until'),
  },
  (table) => [index('login_failures_expiry').on(table.windowEndsAt)],
)

/** Requests granted in a caller's current window, shared by all instances. */
export const rateLimits = pgTable(
  'rate_limits',
  {
    key: text().primaryKey(),
    used: bigint({ mode: 'number' }).notNull(),
    granted: bigint({ mode: 'number' }).notNull(),
    windowEndsAt: instant('window_ends_at').notNull(),
  },
  (table) => [index('rate_limits_expiry').on(table.windowEndsAt)],
)

/** The limits of the last start. A start with other limits is a security event. */
export const rateLimitSettings = pgTable('rate_limit_settings', {
  policy: text().primaryKey(),
  limit: bigint({ mode: 'number' }).notNull(),
})

/** The answers to requests with an `Idempotency-Key`, stored for a day. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: ownerId(),
    key: text().notNull(),
    requestHash: text('request_hash').notNull(),
    answer: text().notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.key] }),
    index('idempotency_keys_age').on(table.createdAt),
  ],
)

export const jobStatus = pgEnum('job_status', ['queued', 'running', 'done', 'failed'])

export const isUnfinished = (status: SQLWrapper): SQL => sql`${status} in ('queued', 'running')`

/** A background job of a user on a file of tasks. */
const jobColumns = () => ({
  id: newId(),
  userId: ownerId(),
  format: text({ enum: ['json', 'csv'] }).notNull(),
  status: jobStatus().notNull().default('queued'),
  rows: integer().notNull().default(0),
  createdAt: createdAt(),
  finishedAt: instant('finished_at'),
})

export const taskExports = pgTable('exports', jobColumns(), (table) => [
  index('exports_user').on(table.userId),
  index('exports_age').on(table.createdAt),
  index('exports_unfinished').on(table.userId).where(isUnfinished(table.status)),
])

/** The file of an export in pieces, so that it is never entirely in memory. */
export const exportChunks = pgTable(
  'export_chunks',
  {
    exportId: uuid('export_id')
      .notNull()
      .references(() => taskExports.id, { onDelete: 'cascade' }),
    sequence: integer().notNull(),
    content: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.exportId, table.sequence] })],
)

/** A problem of an import. `row`: from 1, without the header of a CSV file; 0 for the entire file. */
export interface Failure {
  row: number
  message: string
}

export const taskImports = pgTable(
  'imports',
  {
    ...jobColumns(),
    failures: jsonb().$type<Failure[]>().notNull().default([]),
    /** The request body; emptied when the job ends. */
    body: text().notNull(),
  },
  (table) => [
    index('imports_user').on(table.userId),
    index('imports_age').on(table.createdAt),
    index('imports_unfinished').on(table.userId).where(isUnfinished(table.status)),
  ],
)

/**
 * Signing keys generated outside production, so that instances on one database accept each other's tokens.
 */
export const developmentSecrets = pgTable('development_secrets', {
  name: text().primaryKey(),
  value: text().notNull(),
})
