export { findBrowser, launchBrowser } from './find.ts'
export type { FoundBrowser } from './find.ts'
