import type { ReportInput, RunReport } from '../input.ts'
import {
  adviceOf,
  brokenRows,
  causes,
  nearestLimit,
  plain,
  ruleLine,
  skippedRows,
  tally,
} from '../wording/index.ts'
import { inkOf, paperOf } from './paper.ts'
import type { Paper, TerminalOptions } from './paper.ts'
import { probeSection } from './probes.ts'
import { runSection } from './run.ts'

export type { TerminalOptions } from './paper.ts'

const mostBroken = 12
const mostNotes = 10
const longestNote = 300

/**
 * What a person reads first, at worst at three in the morning: the verdict, what broke it and with which value, what to
 * do next, then the figures it came from. No line is wider than the terminal, no control character comes from outside,
 * and colour only repeats what words say. Ends with a newline.
 */
export function terminalReport(input: ReportInput, options: TerminalOptions): string {
  const paper = paperOf(options)
  const sections = [
    verdictSection(input, paper),
    ...input.runs.map((run) => runSection(run, paper)),
    ...(input.probes ? [probeSection(input.probes, paper)] : []),
    noteSection(input, paper),
    input.folder === undefined ? [] : paper.paragraph('Files: ', plain(input.folder)),
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(noCommand).join('\n'))
    .join('\n\n')}\n`
}

// GitHub's runner obeys lines of a log that begin with ::command:: or hold ##[command]; a wrapped message could begin so.
function noCommand(line: string): string {
  return line.replaceAll('##[', '#\u266f[').replace(/^(\s*)::(?=.*::)/, '$1\u2237')
}

function verdictSection(input: ReportInput, paper: Paper): string[] {
  const { verdict } = input
  const word = verdict.verdict.toUpperCase()
  const [first = '', ...more] = paper.paragraph(`${word}  `, `${plain(input.title, 100)}: ${tally(verdict)}`)
  const near = verdict.verdict === 'pass' ? nearestLimit(verdict.rows) : undefined
  return [
    paper.ink(inkOf(verdict.verdict), word) + first.slice(word.length),
    ...more,
    ...brokenLines(input, paper),
    ...input.runs.flatMap((report) => causeLines(report, paper)),
    ...(near ? paper.paragraph('  nearest to its limit: ', ruleLine(near.row)) : []),
    ...adviceOf(input).flatMap((advice) => paper.paragraph('  Next: ', advice)),
  ]
}

function brokenLines({ verdict }: ReportInput, paper: Paper): string[] {
  const rows = [...brokenRows(verdict), ...skippedRows(verdict)]
  const wordWidth = Math.max(0, ...rows.map((row) => row.status.length))
  const lines = rows.slice(0, mostBroken).flatMap((row) => {
    const word = row.status.toUpperCase().padEnd(wordWidth)
    const [first = '', ...more] = paper.paragraph(`  ${word}  `, ruleLine(row))
    return [`  ${paper.ink(inkOf(row.status), word)}${first.slice(2 + word.length)}`, ...more]
  })
  const left = rows.length - mostBroken
  return left > 0 ? [...lines, `  … and ${left} more: report.html`] : lines
}

/** What a run that did not pass came to grief on, at once below the rules it broke. */
function causeLines({ run, verdict }: RunReport, paper: Paper): string[] {
  if (verdict.verdict === 'pass') return []
  return causes(run).flatMap((cause) =>
    paper.paragraph(`  ${paper.width < 60 ? '' : 'came from: '}`, `${plain(run.suite, 80)}: ${cause}`),
  )
}

function noteSection(input: ReportInput, paper: Paper): string[] {
  if (input.notes.length === 0) return []
  const left = input.notes.length - mostNotes
  return [
    paper.ink('bold', 'notes'),
    ...input.notes.slice(0, mostNotes).flatMap((note) => paper.paragraph('  - ', plain(note, longestNote))),
    ...(left > 0 ? [`  … and ${left} more: report.html`] : []),
  ]
}
