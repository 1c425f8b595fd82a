export type { ReadinessSources } from './readiness.ts'
export { healthEndpoints } from './routes.ts'
