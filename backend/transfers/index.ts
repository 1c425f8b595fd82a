export { ExportService } from './exports.ts'
export { keepHouse } from './housekeeping.ts'
export { ImportService } from './imports.ts'
export { transferEndpoints } from './routes.ts'
