import type { ProbesReport } from '../../record/index.ts'
import { probeText } from '../wording/index.ts'
import type { StepText } from '../wording/index.ts'
import type { Ink, Paper } from './paper.ts'
import { clip, padEnd, padStart, widthOf } from './width.ts'

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
