export type { Context, Journey, Response, Step, StepRequest, Until } from './journey.ts'
export { mixCycle, readsResponse, settleStep, startContext, stepKey, wireRequest } from './interpret.ts'
export type { StepOutcome, WireRequest } from './interpret.ts'
export { isJourneys, journeyProblems } from './validate.ts'
