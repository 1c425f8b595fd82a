export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts'
