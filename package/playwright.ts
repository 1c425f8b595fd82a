/* For a project's own Playwright tests. Nothing here imports Playwright: only one copy may be loaded. */
export { testJourneys } from '../synthetics/browser/index.ts'
export type { JourneyTestOptions } from '../synthetics/browser/index.ts'
