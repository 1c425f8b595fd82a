export { prepareUsers, releaseUsers } from './users.ts'
export type { Prepared, PreparedUser } from './users.ts'
