export { Database } from './database.ts'
export type { DatabaseObserver, Transaction } from './database.ts'
export {
  DatabaseBusy,
  DatabaseUnavailable,
  isForeignKeyViolation,
  isUniqueViolation,
  translateDatabaseError,
} from './availability.ts'
export { migrate } from './connections.ts'
export type { QueryScope } from './statement.ts'
export { createBackgroundScope, defineDecodedStatement, defineStatement } from './statement.ts'
export * as schema from './schema.ts'
