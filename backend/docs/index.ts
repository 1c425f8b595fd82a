export { buildDocsEndpoints, docsPaths } from './page.ts'
