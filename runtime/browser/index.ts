export { findBrowser, keepPathsBelow, launchBrowser } from './playwright.ts'
export type { FoundBrowser } from './playwright.ts'
