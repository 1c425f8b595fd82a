export { Limits } from './limits.ts'
