/**
 * The database cannot be reached: it refused, closed or is shutting down, or did not answer within the time
 * limit.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

/**
 * The database is reachable but too busy: no free connection, or a lock or statement beyond its time limit.
 */
export class DatabaseBusy extends Error {
  override name = 'DatabaseBusy'
}

// https://www.postgresql.org/docs/18/errcodes-appendix.html and Node's socket errors.
const unavailableCodes =
  /^(08...|57P0[1-5]|58030|ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)$/
const busyCodes = /^(57014|55P03|25P0[34]|53...|40P01|40001)$/

// Errors of the driver (pg 8.23.1), which have no codes. The last one is also that of a pool without a free
// connection.
const unavailableMessages =
  /^(Connection terminated|Query read timeout|Client (was closed|has encountered a connection error))/
const busyMessages = /^timeout exceeded when trying to connect/

/** Translates a driver's error about availability. Returns any other error unchanged. */
export function translateDatabaseError(error: unknown): unknown {
  const { code, message } = findCause(error)
  if (message.startsWith('unsupported startup parameter'))
    return new Error('DATABASE_URL: found a PgBouncer, expected pgbouncer=true in the address', {
      cause: error,
    })
  if (unavailableCodes.test(code) || unavailableMessages.test(message))
    return new DatabaseUnavailable(`${code} ${message}`.trim(), { cause: error })
  if (busyCodes.test(code) || busyMessages.test(message))
    return new DatabaseBusy(`${code} ${message}`.trim(), { cause: error })
  return error
}

export function isUniqueViolation(error: unknown): boolean {
  return findCause(error).code === '23505'
}

export function isForeignKeyViolation(error: unknown): boolean {
  return findCause(error).code === '23503'
}

/** The PostgreSQL, socket or driver error that the query builder wrapped. `code` is empty if it has none. */
export function findCause(error: unknown): { code: string; message: string } {
  let at = error
  while (at instanceof Error && !('code' in at) && at.cause instanceof Error) at = at.cause
  if (!(at instanceof Error)) return { code: '', message: '' }
  return { code: 'code' in at ? String(at.code) : '', message: at.message }
}
