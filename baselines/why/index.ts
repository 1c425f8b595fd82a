export { listEvidence, formatExplanation, explainFail } from './why.ts'
export type { Explanation } from './why.ts'
export { pickSlowest } from './traces.ts'
export type { TracedAnswer } from './traces.ts'
