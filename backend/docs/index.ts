export { docsEndpoints } from './routes.ts'
