export { createK6Engine } from './engine.ts'
export { CountsSum, readSummary } from './summary.ts'
export { readModules } from './journey-modules.ts'
