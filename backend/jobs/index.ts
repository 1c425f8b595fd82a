export { type JobHandler, type JobOutcome, JobQueue } from './queue.ts'
