export { Database } from './database.ts'
export type { DatabaseObserver, Transaction } from './database.ts'
export {
  DatabaseBusy,
  DatabaseUnavailable,
  isForeignKeyViolation,
  isUniqueViolation,
  translateDatabaseError,
} from './errors.ts'
export { migrate } from './migrate.ts'
export type { RawRow } from './statement.ts'
export { touchTables } from './ready.ts'
export { backgroundScope, hotStatement, statement } from './statement.ts'
export type { QueryScope, Statement } from './statement.ts'
export { uuidv7 } from './uuidv7.ts'
export * as schema from './schema.ts'
