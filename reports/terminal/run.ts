import type { RunReport } from '../input.ts'
import { failureTexts, figureHeadings, figureRows, loadLine, plain, serverFacts } from '../wording/index.ts'
import type { FigureRow } from '../wording/index.ts'
import { inkOf, table, clip, padEnd, padStart, widthOf } from './paper.ts'
import type { Paper, Column } from './paper.ts'

/** More steps than this are in the files only: a summary is read in seconds. */
const mostSteps = 20
const mostFailures = 5

// What is given up first on a narrow terminal: the extremes, then the counts; p95 and errors stay to the last.
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

/** A run: what it was, its figures per step, what the service said of itself, what failed. */
export function runSection(report: RunReport, paper: Paper): string[] {
  const { run, verdict } = report
  const word = verdict.verdict.toUpperCase()
  const room = paper.width - word.length - 2
  const name = clip(plain(run.suite), Math.floor(room / 2))
  const what = clip(`  ${loadLine(run)}`, room - widthOf(name))
  const title =
    paper.ink('bold', name) +
    padEnd(what, room - widthOf(name)) +
    paper.ink(inkOf(verdict.verdict), padStart(word, word.length + 2))
  const server = serverFacts(run).map(([fact, value]) => `${fact} ${value}`)
  return [
    title,
    ...stepLines(report, paper),
    ...(server.length > 0 ? paper.paragraph('  service: ', server.join(', ')) : []),
    ...failureLines(report, paper),
  ]
}

function stepLines(report: RunReport, paper: Paper): string[] {
  const rows = figureRows(report.run)
  const { shown, left, leftBroken } = mostTelling(
    rows.filter((row) => row.step !== null),
    report,
  )
  const whole = rows.find((row) => row.step === null)
  const cells = [...shown, ...(whole ? [whole] : [])].map((row) => [row.step ?? 'whole run', ...row.figures])
  const [heading = '', ...lines] = table(columns, cells, paper.width - 2).map((line) => `  ${line}`)
  const total = lines.pop() ?? ''
  return [
    paper.ink('dim', heading),
    ...lines,
    ...(left > 0
      ? paper.paragraph(
          '  … ',
          `and ${left} more ${left === 1 ? 'step' : 'steps'}, ${leftBroken === 0 ? 'none' : leftBroken} broken: report.html`,
        )
      : []),
    paper.ink('bold', total),
  ]
}

/** At most `mostSteps` in their own order: those with a row that did not pass, then those with the highest p95. */
function mostTelling(
  rows: FigureRow[],
  { run, verdict }: RunReport,
): { shown: FigureRow[]; left: number; leftBroken: number } {
  if (rows.length <= mostSteps) return { shown: rows, left: 0, leftBroken: 0 }
  const broken = new Set(
    verdict.rows
      .filter((row) => row.status !== 'pass' && row.step !== null)
      .map((row) => plain(row.step ?? '')),
  )
  const p95 = new Map(
    Object.entries(run.endpoints).map(([step, { latency }]) => [plain(step), latency.p95Ms]),
  )
  const rank = (row: FigureRow): number =>
    (broken.has(row.step ?? '') ? 1e12 : 0) + Math.min(p95.get(row.step ?? '') ?? 0, 1e11)
  const first = new Set(rows.toSorted((a, b) => rank(b) - rank(a)).slice(0, mostSteps))
  const left = rows.filter((row) => !first.has(row))
  return {
    shown: rows.filter((row) => first.has(row)),
    left: left.length,
    leftBroken: left.filter((row) => broken.has(row.step ?? '')).length,
  }
}

function failureLines({ run }: RunReport, paper: Paper): string[] {
  const failures = failureTexts(run)
  if (failures.length === 0) return []
  const lines = failures
    .slice(0, mostFailures)
    .flatMap(({ count, class: kind, meaning, step, first, example }) => [
      ...paper.paragraph(
        '    ',
        `${count} ${kind} (${meaning}), ${step}${first === '' ? '' : `, first at ${first}`}`,
      ),
      ...(example === '' ? [] : paper.paragraph('      ', `"${example}"`).slice(0, 3)),
    ])
  const left = failures.length - mostFailures
  return [
    paper.ink('bold', '  failures'),
    ...lines,
    ...(left > 0 ? [`    … and ${left} more kinds: report.html`] : []),
  ]
}
