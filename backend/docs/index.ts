export { docsEndpoints, docsPaths } from './routes.ts'
