import type { RunReport } from '../input.ts'
import {
  toFailureTexts,
  figureHeadings,
  toStepFigures,
  describeLoad,
  cleanText,
  findExceededSteps,
  listScriptFacts,
  listServerFacts,
  overall,
} from '../wording/index.ts'
import type { Fact, StepFigures } from '../wording/index.ts'
import { inkFor, formatTable, clip, padEnd, padStart, measureWidth } from './paper.ts'
import type { Paper, Column } from './paper.ts'

/** Further steps are in the files only: a summary is read in seconds. */
const maxSteps = 20
const maxFailures = 5

// What is given up first on a narrow terminal: the extremes, then the counts; p95 and errors stay to the
// last.
const weights: Record<(typeof figureHeadings)[number], number> = {
  requests: 3,
  'req/s': 4,
  'errors %': 6,
  'p50 ms': 2,
  'p95 ms': Infinity,
  'p99 ms': 5,
  'max ms': 1,
}

const columns: Column[] = [
  { heading: 'step', align: 'left', weight: Infinity },
  ...figureHeadings.map((heading): Column => ({ heading, align: 'right', weight: weights[heading] })),
]

/** A run: its load, its figures per step, the metrics of the service, and its failures. */
export function formatRun(report: RunReport, paper: Paper): string[] {
  const { run, verdict } = report
  const word = verdict.verdict.toUpperCase()
  const room = paper.width - word.length - 2
  const name = clip(cleanText(run.suite), Math.floor(room / 2))
  const what = clip(`  ${describeLoad(run)}`, room - measureWidth(name))
  const title =
    paper.ink('bold', name) +
    padEnd(what, room - measureWidth(name)) +
    paper.ink(inkFor(verdict.verdict), padStart(word, word.length + 2))
  return [
    title,
    ...formatSteps(report, paper),
    ...formatFacts('service metrics', listServerFacts(run), paper),
    ...formatFacts('script metrics', listScriptFacts(run), paper),
    ...formatFailures(report, paper),
  ]
}

/** What the service reports about itself, or a user script counts, a figure a line. */
function formatFacts(heading: string, facts: readonly Fact[], paper: Paper): string[] {
  if (facts.length === 0) return []
  const valueWidth = Math.max(...facts.map(([, value]) => measureWidth(value)))
  const nameWidth = Math.min(
    Math.max(...facts.map(([name]) => measureWidth(name))),
    paper.width - 6 - valueWidth,
  )
  return [
    paper.ink('bold', `  ${heading}`),
    ...facts.map(
      ([name, value]) => `    ${padEnd(clip(name, nameWidth), nameWidth)}  ${padStart(value, valueWidth)}`,
    ),
  ]
}

function formatSteps(report: RunReport, paper: Paper): string[] {
  const rows = toStepFigures(report.run)
  const { shown, left, leftBroken } = selectSteps(
    rows.filter((row) => row.step !== null),
    report,
  )
  const total = rows.find((row) => row.step === null)
  const exceeded = findExceededSteps(report)
  const mark = (step: string): string => (exceeded.steps.has(step) ? `! ${step}` : step)
  const cells = [...shown, ...(total ? [total] : [])].map((row) => [
    row.step === null ? overall : mark(row.step),
    ...row.figures,
  ])
  const [heading = '', ...lines] = formatTable(columns, cells, paper.width - 2).map((line) => `  ${line}`)
  const totalLine = lines.pop() ?? ''
  return [
    paper.ink('dim', heading),
    ...lines,
    ...(left > 0
      ? paper.paragraph(
          '  … ',
          `and ${left} more ${left === 1 ? 'step' : 'steps'}, ` +
            `${leftBroken === 0 ? 'none' : leftBroken} of them failed: report.html`,
        )
      : []),
    paper.ink('bold', totalLine),
    ...(exceeded.limits === '' ? [] : paper.paragraph('  ! ', `over its limit: ${exceeded.limits}`)),
  ]
}

/**
 * At most `mostSteps` in their own order: those with a row that did not pass, then those with the highest
 * p95.
 */
function selectSteps(
  rows: StepFigures[],
  { run, verdict }: RunReport,
): { shown: StepFigures[]; left: number; leftBroken: number } {
  if (rows.length <= maxSteps) return { shown: rows, left: 0, leftBroken: 0 }
  const broken = new Set(
    verdict.rows
      .filter((row) => row.status !== 'pass' && row.step !== null)
      .map((row) => cleanText(row.step ?? '')),
  )
  const p95 = new Map(
    Object.entries(run.endpoints).map(([step, { latency }]) => [cleanText(step), latency.p95Ms]),
  )
  const rank = (row: StepFigures): number =>
    (broken.has(row.step ?? '') ? 1e12 : 0) + Math.min(p95.get(row.step ?? '') ?? 0, 1e11)
  const first = new Set(rows.toSorted((a, b) => rank(b) - rank(a)).slice(0, maxSteps))
  const left = rows.filter((row) => !first.has(row))
  return {
    shown: rows.filter((row) => first.has(row)),
    left: left.length,
    leftBroken: left.filter((row) => broken.has(row.step ?? '')).length,
  }
}

function formatFailures({ run }: RunReport, paper: Paper): string[] {
  const failures = toFailureTexts(run)
  if (failures.length === 0) return []
  const lines = failures
    .slice(0, maxFailures)
    .flatMap(({ count, class: kind, meaning, step, first, example, ids }) => [
      ...paper.paragraph(
        '    ',
        `${count} ${kind} (${meaning}), ${step}${first === '' ? '' : `, first at ${first}`}`,
      ),
      ...(example === '' ? [] : paper.paragraph('      ', `"${example}"`).slice(0, 3)),
      ...(ids === '' ? [] : paper.paragraph('      ', `request ids: ${ids}`).slice(0, 4)),
    ])
  const left = failures.length - maxFailures
  return [
    paper.ink('bold', '  failures'),
    ...lines,
    ...(left > 0 ? [`    … and ${left} more kinds: report.html`] : []),
  ]
}
