export { testJourneys } from './journey-test.ts'
export type { JourneyTestOptions } from './journey-test.ts'
