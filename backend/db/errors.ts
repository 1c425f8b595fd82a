/** The database cannot be reached: refused, gone, shutting down, or silent beyond its time limit. */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

/** The database is there but has no time for this: no free connection, a lock or a statement beyond its time limit. */
export class DatabaseBusy extends Error {
  override name = 'DatabaseBusy'
}

interface Coded {
  code: string
  message: string
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html, Node's socket errors, and postgres.js's own codes.
const gone =
  /^(08...|57P0[1-5]|58030|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/
const busy = /^(57014|55P03|25P0[34]|53...|40P01|40001)$/

/** A driver's error as one of ours; anything that is not about availability comes back as it was. */
export function translateDatabaseError(error: unknown): unknown {
  const coded = codedCause(error)
  if (coded === undefined) return error
  if (gone.test(coded.code))
    return new DatabaseUnavailable(`${coded.code}: ${coded.message}`, { cause: error })
  if (busy.test(coded.code)) return new DatabaseBusy(`${coded.code}: ${coded.message}`, { cause: error })
  return error
}

export function isUniqueViolation(error: unknown): boolean {
  return codedCause(error)?.code === '23505'
}

export function isForeignKeyViolation(error: unknown): boolean {
  return codedCause(error)?.code === '23503'
}

/** The PostgreSQL or socket error inside what the query builder wrapped around it. */
export function codedCause(error: unknown): Coded | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return { code: at.code, message: at.message }
  }
  return undefined
}
