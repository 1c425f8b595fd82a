export { inkFor, createPaper, formatTable } from './paper.ts'
export type { Column, Ink, Paper, TerminalOptions } from './paper.ts'
export { terminalReport } from './report.ts'
