export { findBrowser } from './find.ts'
export type { FoundBrowser } from './find.ts'
export { launchBrowser } from './launch.ts'
