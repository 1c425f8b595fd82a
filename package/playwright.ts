/* For a project's own Playwright tests. Nothing here imports Playwright: a process must load only one copy. */
export { testJourneys } from '../synthetics/browser/index.ts'
export type { JourneyTestOptions } from '../synthetics/browser/index.ts'
