import { and, eq, isNull, sql } from '../db/drizzle.ts'
import { schema, defineStatement } from '../db/index.ts'

const { users, sessions, refreshTokens, loginFailures } = schema
const p = sql.placeholder

export const insertUser = defineStatement('users.insert', (db) =>
  db
    .insert(users)
    .values({ email: p('email'), passwordHash: p('passwordHash') })
    .returning({ id: users.id, email: users.email, createdAt: users.createdAt }),
)

export const userByEmail = defineStatement('users.by_email', (db) =>
  db
    .select()
    .from(users)
    .where(eq(users.email, p('email'))),
)

export const userById = defineStatement('users.by_id', (db) =>
  db
    .select({ id: users.id, email: users.email, createdAt: users.createdAt })
    .from(users)
    .where(eq(users.id, p('id'))),
)

export const deleteUser = defineStatement('users.delete', (db) =>
  db
    .delete(users)
    .where(eq(users.id, p('id')))
    .returning({ email: users.email }),
)

export const insertSession = defineStatement('sessions.insert', (db) =>
  db
    .insert(sessions)
    .values({ userId: p('userId'), expiresAt: p('expiresAt') })
    .returning({ id: sessions.id }),
)

export const revokeSession = defineStatement('sessions.revoke', (db) =>
  db
    .update(sessions)
    .set({ revokedAt: sql`${p('now')}::timestamptz` })
    .where(and(eq(sessions.id, p('id')), isNull(sessions.revokedAt)))
    .returning({ id: sessions.id }),
)

export const insertRefreshToken = defineStatement('refresh_tokens.insert', (db) =>
  db
    .insert(refreshTokens)
    .values({ hash: p('hash'), sessionId: p('sessionId') })
    .returning({ hash: refreshTokens.hash }),
)

/** Locked until the transaction ends, so that one of two simultaneous uses is the first. */
export const refreshTokenForUse = defineStatement('refresh_tokens.for_use', (db) =>
  db
    .select({
      sessionId: sessions.id,
      userId: users.id,
      email: users.email,
      userCreatedAt: users.createdAt,
      used: sql<boolean>`${refreshTokens.usedAt} is not null`,
      revoked: sql<boolean>`${sessions.revokedAt} is not null`,
      expired: sql<boolean>`${sessions.expiresAt} <= ${p('now')}::timestamptz`,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(refreshTokens.hash, p('hash')))
    .for('update', { of: [refreshTokens, sessions] }),
)

export const useRefreshToken = defineStatement('refresh_tokens.use', (db) =>
  db
    .update(refreshTokens)
    .set({ usedAt: sql`${p('now')}::timestamptz` })
    .where(eq(refreshTokens.hash, p('hash')))
    .returning({ hash: refreshTokens.hash }),
)

export const loginFailuresByEmail = defineStatement('login_failures.of', (db) =>
  db
    .select({ failures: loginFailures.failures, lockedUntil: loginFailures.lockedUntil })
    .from(loginFailures)
    .where(eq(loginFailures.emailHash, p('emailHash'))),
)

/** Counts a failure in the current window. The failure that reaches `limit` locks the account. */
export const countLoginFailure = defineStatement('login_failures.count', (db) => {
  const now = sql`${p('now')}::timestamptz`
  const end = sql`${p('windowEndsAt')}::timestamptz`
  const isOver = sql`${loginFailures.windowEndsAt} <= ${now}`
  const failures = sql`case when ${isOver} then 1 else ${loginFailures.failures} + 1 end`
  const windowEndsAt = sql`case when ${isOver} then ${end} else ${loginFailures.windowEndsAt} end`
  const lockedUntil = sql`${p('lockedUntil')}::timestamptz`
  return db
    .insert(loginFailures)
    .values({ emailHash: p('emailHash'), failures: 1, windowEndsAt: p('windowEndsAt') })
    .onConflictDoUpdate({
      target: loginFailures.emailHash,
      set: {
        failures,
        windowEndsAt,
        lockedUntil: sql`case when (${failures}) >= ${p('limit')}::int then ${lockedUntil} end`,
      },
    })
    .returning({ failures: loginFailures.failures })
})

export const deleteLoginFailures = defineStatement('login_failures.forget', (db) =>
  db
    .delete(loginFailures)
    .where(eq(loginFailures.emailHash, p('emailHash')))
    .returning({ failures: loginFailures.failures }),
)
