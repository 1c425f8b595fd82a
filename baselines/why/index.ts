export { evidenceOf, whyLine, whyOf } from './why.ts'
export type { Why } from './why.ts'
export { slowest } from './traces.ts'
export type { TracedAnswer } from './traces.ts'
