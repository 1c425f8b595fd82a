export { ExportService } from './exports.ts'
export { startHousekeeping } from './housekeeping.ts'
export { ImportService } from './imports.ts'
export { transferRoutes } from './routes.ts'
