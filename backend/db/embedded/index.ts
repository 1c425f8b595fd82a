export { startEmbeddedPostgres } from './embedded.ts'
export type { EmbeddedPostgres } from './embedded.ts'
