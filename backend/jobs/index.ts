export { JobQueue } from './queue.ts'
export type { JobHandler, JobOutcome } from './queue.ts'
