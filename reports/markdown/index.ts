export { mostCharacters } from './document.ts'
export { markdownReport } from './report.ts'
