import { and, eq, isNull, sql } from '../db/drizzle.ts'
import { schema, defineStatement } from '../db/index.ts'

const { developmentSecrets, loginFailures, refreshTokens, revocations, sessions, users } = schema
const p = sql.placeholder
const publicUser = { id: users.id, email: users.email, createdAt: users.createdAt }
const now = sql`${p('now')}::timestamptz`

export const insertUser = defineStatement('users.insert', (db) =>
  db
    .insert(users)
    .values({ email: p('email'), passwordHash: p('passwordHash') })
    .returning(publicUser),
)

export const userByEmail = defineStatement('users.by_email', (db) =>
  db
    .select()
    .from(users)
    .where(eq(users.email, p('email'))),
)

export const userById = defineStatement('users.by_id', (db) =>
  db
    .select(publicUser)
    .from(users)
    .where(eq(users.id, p('id'))),
)

export const deleteUser = defineStatement('users.delete', (db) =>
  db.delete(users).where(eq(users.id, p('id'))),
)

export const insertSession = defineStatement('sessions.insert', (db) =>
  db
    .insert(sessions)
    .values({ userId: p('userId'), expiresAt: p('expiresAt') })
    .returning({ id: sessions.id }),
)

/** A session ends with its account. */
export const liveSession = defineStatement('sessions.account', (db) =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(
      and(eq(sessions.id, p('sessionId')), eq(sessions.userId, p('userId')), isNull(sessions.revokedAt)),
    ),
)

export const revokeSession = defineStatement('sessions.revoke', (db) =>
  db
    .update(sessions)
    .set({ revokedAt: now })
    .where(and(eq(sessions.id, p('id')), isNull(sessions.revokedAt))),
)

export const insertRefreshToken = defineStatement('refresh_tokens.insert', (db) =>
  db.insert(refreshTokens).values({ hash: p('hash'), sessionId: p('sessionId') }),
)

/** Locked until the transaction ends, so that one of two simultaneous uses is the first. */
export const refreshTokenForUse = defineStatement('refresh_tokens.for_use', (db) =>
  db
    .select({
      sessionId: sessions.id,
      user: publicUser,
      used: sql<boolean>`${refreshTokens.usedAt} is not null`,
      revoked: sql<boolean>`${sessions.revokedAt} is not null`,
      expired: sql<boolean>`${sessions.expiresAt} <= ${now}`,
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
    .set({ usedAt: now })
    .where(eq(refreshTokens.hash, p('hash'))),
)

export const loginFailuresByEmail = defineStatement('login_failures.of', (db) =>
  db
    .select({ failures: loginFailures.failures, lockedUntil: loginFailures.lockedUntil })
    .from(loginFailures)
    .where(eq(loginFailures.emailHash, p('emailHash'))),
)

/** Counts a failure in the current window. The failure that reaches `limit` locks the account. */
export const countLoginFailure = defineStatement('login_failures.count', (db) => {
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
  db.delete(loginFailures).where(eq(loginFailures.emailHash, p('emailHash'))),
)

export const insertRevocation = defineStatement('revocations.insert', (db) =>
  db
    .insert(revocations)
    .values({ id: p('id') })
    .onConflictDoNothing(),
)

export const recentRevocations = defineStatement('revocations.recent', (db) =>
  db
    .select({ id: revocations.id })
    .from(revocations)
    .where(sql`${revocations.createdAt} > now() - ${p('seconds')}::int * interval '1 second'`),
)

/** An update without effect returns the value that is there. */
export const proposeSecret = defineStatement('development_secrets.propose', (db) =>
  db
    .insert(developmentSecrets)
    .values({ name: p('name'), value: p('value') })
    .onConflictDoUpdate({ target: developmentSecrets.name, set: { name: sql`${p('name')}` } })
    .returning({ value: developmentSecrets.value }),
)
