import type { ReportInput } from './input.ts'
import { junitReport } from './junit/index.ts'
import { markdownReport } from './markdown/index.ts'
import { verdictJson } from './verdict-json.ts'

export type { ReportInput, RunReport } from './input.ts'
export { terminalReport } from './terminal/index.ts'

/** Every report that is kept as a file, by the file's name. Pure: the same input gives the same texts. */
export function renderAll(input: ReportInput): Record<'verdict.json' | 'report.md' | 'junit.xml', string> {
  return {
    'verdict.json': verdictJson(input.verdict),
    'report.md': markdownReport(input),
    'junit.xml': junitReport(input),
  }
}
