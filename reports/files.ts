import { htmlReport } from './html/report.ts'
import type { ReportInput } from './input.ts'
import { junitReport } from './junit/report.ts'
import { markdownReport } from './markdown/report.ts'
import { openMetricsReport } from './prometheus/run-metrics.ts'
import type { Verdict, VerdictRow } from '../baselines/index.ts'

export type ReportFile = 'verdict.json' | 'report.html' | 'report.md' | 'junit.xml' | 'metrics.prom'

/** Every report that is written to a file, by file name. Pure: the same input results in the same texts. */
export function renderAll(input: ReportInput): Record<ReportFile, string> {
  return {
    'verdict.json': verdictJson(input.verdict),
    'report.html': htmlReport(input),
    'report.md': markdownReport(input),
    'junit.xml': junitReport(input),
    'metrics.prom': openMetricsReport(input),
  }
}

const rowKeys = [
  'rule',
  'suite',
  'step',
  'metric',
  'status',
  'code',
  'actual',
  'limit',
  'needed',
  'baseline',
  'candidate',
  'ratio',
  'ci',
  'margin',
  'detectable',
  'message',
] as const satisfies readonly (keyof VerdictRow)[]

/**
 * The verdict as `vigil.verdict/1`, with keys in a fixed order, so that diff can compare two verdicts.
 * Numbers that JSON cannot represent (NaN, Infinity) are left out and not turned into null. Characters that
 * a terminal would interpret, or that reverse its text, are escaped: a parser gets them back.
 */
export function verdictJson(verdict: Verdict): string {
  const { schema, verdict: word, rows, run, baseline } = verdict
  const ordered = {
    schema,
    verdict: word,
    rows: rows.map(orderedRow),
    ...(run !== undefined && { run }),
    ...(baseline !== undefined && { baseline }),
  }
  return `${JSON.stringify(ordered, null, 2).replaceAll(unprintable, escapes)}\n`
}

// Line feeds are the layout's own: JSON.stringify has escaped those of the data.
const unprintable = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu

function escapes(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')
}

function orderedRow(row: VerdictRow): Record<string, unknown> {
  return Object.fromEntries(rowKeys.filter((key) => isSayable(row[key])).map((key) => [key, row[key]]))
}

function isSayable(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : value !== undefined
}
