import { htmlReport } from './html/index.ts'
import type { ReportInput } from './input.ts'
import { junitReport } from './junit/index.ts'
import { markdownReport } from './markdown/index.ts'
import { openMetricsReport } from './prometheus/index.ts'
import { verdictJson } from './verdict-json.ts'

export type { ReportInput, RunReport } from './input.ts'
export { terminalReport } from './terminal/index.ts'

export type ReportFile = 'verdict.json' | 'report.html' | 'report.md' | 'junit.xml' | 'metrics.prom'

/** Every report that is kept as a file, by the file's name. Pure: the same input gives the same texts. */
export function renderAll(input: ReportInput): Record<ReportFile, string> {
  return {
    'verdict.json': verdictJson(input.verdict),
    'report.html': htmlReport(input),
    'report.md': markdownReport(input),
    'junit.xml': junitReport(input),
    'metrics.prom': openMetricsReport(input),
  }
}
