export { listRuns, readRecord, runFolder, writeRecord, writeWhole } from './store.ts'
export type { Stored } from './store.ts'
