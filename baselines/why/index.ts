export { whyOf } from './why.ts'
export type { Why } from './why.ts'
