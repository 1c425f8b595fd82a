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
  probeText,
} from '../wording/index.ts'
import { inkOf, paperOf, clip, padEnd, padStart, widthOf } from './paper.ts'
import type { Paper, TerminalOptions, Ink } from './paper.ts'
import { runSection } from './run.ts'
import type { ProbesReport } from '../../record/index.ts'
import type { StepText } from '../wording/index.ts'

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

const inks: Record<string, Ink> = { up: 'green', degraded: 'yellow', down: 'red', unknown: 'yellow' }

/** Of a longer journey only the steps that failed are shown; all are in the files. */
const mostSteps = 12

const indent = ' '.repeat(12)

/** One line a probe; one that is not up is unfolded to its steps. */
export function probeSection(report: ProbesReport, paper: Paper): string[] {
  const probes = report.probes.map(probeText)
  const nameWidth = Math.min(
    Math.max(0, ...probes.map((probe) => widthOf(probe.name))),
    Math.floor(paper.width / 3),
  )
  const lines = probes.flatMap((probe) => {
    const { name, outcome, took, attempts, message, steps } = probe
    const rest = `  ${padEnd(clip(name, nameWidth), nameWidth)}  ${padStart(clip(took, 12), 8)}`
    const fits = attempts === '' || 2 + 8 + widthOf(rest) + 2 + attempts.length <= paper.width
    const line = `  ${paper.ink(inks[outcome] ?? 'bold', padEnd(outcome, 8))}${rest}${attempts !== '' && fits ? `  ${attempts}` : ''}`
    const heading = fits ? [line] : [line, `${indent}${attempts}`]
    if (outcome === 'up') return heading
    return [
      ...heading,
      ...paper.paragraph(indent, message),
      ...(steps.length <= mostSteps ? steps : steps.filter((step) => !step.ok).slice(0, mostSteps)).map(
        (step) => stepLine(step, paper),
      ),
    ]
  })
  return lines.length === 0 ? [] : [paper.ink('bold', 'probes'), ...lines]
}

function stepLine({ step, ok, status, took, message }: StepText, paper: Paper): string {
  const text = clip(
    `${padEnd(clip(step, 20), 20)}  ${status}  ${took}${message === '' ? '' : `  ${message}`}`,
    paper.width - indent.length - 6,
  )
  return `${indent}${ok ? padEnd('ok', 6) : paper.ink('red', padEnd('FAIL', 6))}${text}`
}
