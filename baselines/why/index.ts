export { listEvidence, formatExplanation, explainFail } from './why.ts'
export type { Explanation } from './why.ts'
export { pickSlowest } from './facts.ts'
export type { TracedAnswer } from './facts.ts'
