export { docsEndpoints, docsPaths } from './page.ts'
