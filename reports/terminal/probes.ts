import type { ProbesReport } from '../../synthetics/outcome.ts'
import { probeText } from '../wording/index.ts'
import type { StepText } from '../wording/index.ts'
import type { Ink, Paper } from './paper.ts'
import { clip, padEnd, padStart } from './width.ts'

const inks: Record<string, Ink> = { up: 'green', degraded: 'yellow', down: 'red', unknown: 'yellow' }

/** One line a probe; one that is not up is unfolded to its steps. */
export function probeSection(report: ProbesReport, paper: Paper): string[] {
  const probes = report.probes.map(probeText)
  const nameWidth = Math.min(Math.max(0, ...probes.map((probe) => probe.name.length)), Math.floor(paper.width / 3))
  const lines = probes.flatMap((probe) => {
    const { name, outcome, took, attempts, message, steps } = probe
    const line = `  ${paper.ink(inks[outcome] ?? 'bold', padEnd(outcome, 8))}  ${padEnd(clip(name, nameWidth), nameWidth)}  ${padStart(took, 8)}${attempts === '' ? '' : `  ${attempts}`}`
    if (outcome === 'up') return [line]
    return [line, ...paper.paragraph(' '.repeat(12), message), ...steps.map((step) => stepLine(step, paper))]
  })
  return lines.length === 0 ? [] : [paper.ink('bold', 'probes'), ...lines]
}

function stepLine({ step, ok, status, took, message }: StepText, paper: Paper): string {
  const indent = ' '.repeat(12)
  const text = clip(`${padEnd(clip(step, 20), 20)}  ${status}  ${took}${message === '' ? '' : `  ${message}`}`, paper.width - indent.length - 6)
  return `${indent}${ok ? padEnd('ok', 6) : paper.ink('red', padEnd('FAIL', 6))}${text}`
}
