export { renderAll } from './files.ts'
export type { ReportFile } from './files.ts'
export type { ReportInput, RunReport } from './input.ts'
export { terminalReport } from './terminal/index.ts'
