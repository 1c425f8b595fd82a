export { maxCharacters } from './document.ts'
export { markdownReport } from './report.ts'
