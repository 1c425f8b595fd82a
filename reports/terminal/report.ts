import type { ReportInput, RunReport } from '../input.ts'
import {
  adviseNextSteps,
  listBrokenRows,
  describeCauses,
  describeCertainty,
  describeTotals,
  findNearestLimit,
  cleanText,
  formatRule,
  listSkippedRows,
  summarizeVerdict,
  toProbeText,
} from '../wording/index.ts'
import { inkFor, createPaper, clip, padEnd, padStart, measureWidth } from './paper.ts'
import type { Paper, TerminalOptions, Ink } from './paper.ts'
import { formatRun } from './run.ts'
import type { ProbesReport } from '../../record/index.ts'
import type { StepText } from '../wording/index.ts'

const maxBroken = 12
const maxNotes = 10
const maxNoteLength = 300

/**
 * The summary for a terminal: the verdict, the failed checks with their values, what to do next, then the
 * figures. No line is wider than the terminal, no control character comes from outside, and colour adds no
 * information. Ends with a newline.
 */
export function terminalReport(input: ReportInput, options: TerminalOptions): string {
  const paper = createPaper(options)
  const sections = [
    formatVerdict(input, paper),
    ...input.runs.map((run) => formatRun(run, paper)),
    ...(input.probes ? [formatProbes(input.probes, paper)] : []),
    formatNotes(input, paper),
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(escapeCommand).join('\n'))
    .join('\n\n')}\n`
}

// GitHub's runner executes log lines that start with ::command:: or contain ##[command]; wrapping can
// produce one.
// could begin so.
function escapeCommand(line: string): string {
  return line.replaceAll('##[', '#\u266f[').replace(/^(\s*)::(?=.*::)/, '$1\u2237')
}

function formatVerdict(input: ReportInput, paper: Paper): string[] {
  const { verdict } = input
  const word = verdict.verdict.toUpperCase()
  const [first = '', ...more] = paper.paragraph(
    `${word}  `,
    `${cleanText(input.title, 100)}: ${summarizeVerdict(verdict)}`,
  )
  const near = verdict.verdict === 'pass' ? findNearestLimit(verdict.rows) : undefined
  return [
    paper.ink(inkFor(verdict.verdict), word) + first.slice(word.length),
    ...more,
    ...formatBrokenRows(input, paper),
    ...input.runs.flatMap((report) => formatCauses(report, paper)),
    ...formatTotals(input, paper),
    ...(near ? paper.paragraph('  nearest to its limit: ', formatRule(near.row)) : []),
    ...adviseNextSteps(input).flatMap((advice) => paper.paragraph('  Next: ', advice)),
  ]
}

function formatBrokenRows({ verdict }: ReportInput, paper: Paper): string[] {
  const rows = [...listBrokenRows(verdict), ...listSkippedRows(verdict)]
  const wordWidth = Math.max(0, ...rows.map((row) => row.status.length))
  const lines = rows.slice(0, maxBroken).flatMap((row) => {
    const word = row.status.toUpperCase().padEnd(wordWidth)
    const [first = '', ...more] = paper.paragraph(`  ${word}  `, formatRule(row))
    return [`  ${paper.ink(inkFor(row.status), word)}${first.slice(2 + word.length)}`, ...more]
  })
  const left = rows.length - maxBroken
  return left > 0 ? [...lines, `  … and ${left} more: report.html`] : lines
}

/** The causes of a run that did not pass, below the checks that failed. */
function formatCauses({ run, verdict }: RunReport, paper: Paper): string[] {
  if (verdict.verdict === 'pass') return []
  return describeCauses(run).flatMap((cause) =>
    paper.paragraph(`  ${paper.width < 60 ? '' : 'cause: '}`, `${cleanText(run.suite, 80)}: ${cause}`),
  )
}

const maxTotals = 6
const maxPathLength = 4096

/** Where the report is, and each run on one line: its totals, and how small a slowdown it could miss. */
function formatTotals({ folder, runs }: ReportInput, paper: Paper): string[] {
  const left = runs.length - maxTotals
  const said = new Set<string>()
  return [
    ...(folder === undefined
      ? []
      : paper.copyable('  Report: ', `${cleanText(folder, maxPathLength).replace(/\/+$/, '')}/report.html`)),
    ...runs.slice(0, maxTotals).flatMap((report) => {
      const certainty = describeCertainty(report)
      const isNew = certainty !== undefined && !said.has(certainty)
      if (isNew) said.add(certainty)
      return [
        ...paper.paragraph('  ', `${cleanText(report.run.suite, 80)}: ${describeTotals(report.run)}`),
        ...(isNew ? paper.paragraph('    ', certainty) : []),
      ]
    }),
    ...(left > 0 ? [`  … and ${left} more runs: report.html`] : []),
  ]
}

function formatNotes(input: ReportInput, paper: Paper): string[] {
  if (input.notes.length === 0) return []
  const left = input.notes.length - maxNotes
  return [
    paper.ink('bold', 'notes'),
    ...input.notes
      .slice(0, maxNotes)
      .flatMap((note) => paper.paragraph('  - ', cleanText(note, maxNoteLength))),
    ...(left > 0 ? [`  … and ${left} more: report.html`] : []),
  ]
}

const inks: Record<string, Ink> = { up: 'green', degraded: 'yellow', down: 'red', unknown: 'yellow' }

/** Of a longer journey only the failed steps are shown; the files contain all. */
const maxSteps = 12

const indent = ' '.repeat(12)

/** One line per probe, and the steps of those that are not up. */
export function formatProbes(report: ProbesReport, paper: Paper): string[] {
  const probes = report.probes.map(toProbeText)
  const nameWidth = Math.min(
    Math.max(0, ...probes.map((probe) => measureWidth(probe.name))),
    Math.floor(paper.width / 3),
  )
  const lines = probes.flatMap((probe) => {
    const { name, outcome, took, attempts, message, steps } = probe
    const rest = `  ${padEnd(clip(name, nameWidth), nameWidth)}  ${padStart(clip(took, 12), 8)}`
    const fits = attempts === '' || 2 + 8 + measureWidth(rest) + 2 + attempts.length <= paper.width
    const suffix = attempts !== '' && fits ? `  ${attempts}` : ''
    const line = `  ${paper.ink(inks[outcome] ?? 'bold', padEnd(outcome, 8))}${rest}${suffix}`
    const heading = fits ? [line] : [line, `${indent}${attempts}`]
    if (outcome === 'up') return heading
    return [
      ...heading,
      ...paper.paragraph(indent, message),
      ...(steps.length <= maxSteps ? steps : steps.filter((step) => !step.ok).slice(0, maxSteps)).map(
        (step) => formatStep(step, paper),
      ),
    ]
  })
  return lines.length === 0 ? [] : [paper.ink('bold', 'probes'), ...lines]
}

function formatStep({ step, ok, status, took, message }: StepText, paper: Paper): string {
  const text = clip(
    `${padEnd(clip(step, 20), 20)}  ${status}  ${took}${message === '' ? '' : `  ${message}`}`,
    paper.width - indent.length - 6,
  )
  return `${indent}${ok ? padEnd('ok', 6) : paper.ink('red', padEnd('FAIL', 6))}${text}`
}
