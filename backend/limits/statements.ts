import { eq, sql } from '../db/drizzle.ts'
import { schema, statement } from '../db/index.ts'

const { rateLimits, rateLimitSettings } = schema
const p = sql.placeholder

/** A share of what a caller has left, taken for an instance. */
export interface Grant {
  granted: number
  used: number
  leftMs: number
  windowEndsAt: string
}

/**
 * Takes a sixteenth of what `key` has left in its window, at least one and never more than there is; opens a new window
 * when the last is over. Instances share the row, so together they never grant more than the limit.
 */
export const takeGrant = statement<Grant>('rate_limits.take', (db) => {
  const limit = sql`${p('limit')}::bigint`
  const first = sql`${p('first')}::bigint`
  const windowEnd = sql`now() + ${p('windowMs')}::int * interval '1 millisecond'`
  const over = sql`${rateLimits.windowEndsAt} <= now()`
  const left = sql`greatest(0, ${limit} - ${rateLimits.used})`
  const share = sql`least(greatest(1, ${left} / 16), ${left})`
  return db
    .insert(rateLimits)
    .values({ key: p('key'), used: sql`${first}`, granted: sql`${first}`, windowEndsAt: sql`${windowEnd}` })
    .onConflictDoUpdate({
      target: rateLimits.key,
      set: {
        granted: sql`case when ${over} then ${first} else ${share} end`,
        used: sql`case when ${over} then ${first} else ${rateLimits.used} + ${share} end`,
        windowEndsAt: sql`case when ${over} then ${windowEnd} else ${rateLimits.windowEndsAt} end`,
      },
    })
    .returning({
      granted: rateLimits.granted,
      used: rateLimits.used,
      leftMs: sql<number>`(extract(epoch from ${rateLimits.windowEndsAt} - now()) * 1000)::int`,
      windowEndsAt: rateLimits.windowEndsAt,
    })
    .prepare('rate_limits_take')
})

/** Gives back what was granted and not used, unless the window has changed since. `unused`: JSON, `[{key, unused, ends}]`. */
export const returnGrants = statement<unknown>('rate_limits.return', (db) =>
  db
    .update(rateLimits)
    .set({ used: sql`greatest(0, ${rateLimits.used} - v.unused)` })
    .from(sql`json_to_recordset(${p('unused')}::json) as v(key text, unused bigint, ends timestamptz)`)
    .where(sql`${rateLimits.key} = v.key and ${rateLimits.windowEndsAt} = v.ends`)
    .prepare('rate_limits_return'),
)

export const readLimit = statement<{ limit: number }>('rate_limit_settings.read', (db) =>
  db
    .select({ limit: rateLimitSettings.limit })
    .from(rateLimitSettings)
    .where(eq(rateLimitSettings.policy, p('policy')))
    .prepare('rate_limit_settings_read'),
)

export const writeLimit = statement<{ limit: number }>('rate_limit_settings.write', (db) =>
  db
    .insert(rateLimitSettings)
    .values({ policy: p('policy'), limit: p('limit') })
    .onConflictDoUpdate({ target: rateLimitSettings.policy, set: { limit: sql`${p('limit')}::bigint` } })
    .returning({ limit: rateLimitSettings.limit })
    .prepare('rate_limit_settings_write'),
)
