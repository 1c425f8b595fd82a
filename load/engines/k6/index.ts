export { createK6Engine } from './engine.ts'
export { CountsSum, readSummary } from './summary.ts'
