export { element, junitReport, escapeXml } from './report.ts'
