export { docsPaths, docsRoutes } from './routes.ts'
