export { element, junitReport, xmlText } from './report.ts'
