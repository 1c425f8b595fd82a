/* The face of journeys: k6 loads it too. */
export { defineJourneys } from './define.ts'
export type { Context, Journey, Response, Secrets, Step, StepRequest, Until } from '../journeys/index.ts'
