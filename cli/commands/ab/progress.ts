import type { DuetProgress } from '../../../load/duet/index.ts'
import { judgeDuet } from '../../../baselines/duet/index.ts'
import type { DuetUnits } from '../../../baselines/duet/index.ts'
import type { Verdict, VerdictRow } from '../../../baselines/index.ts'
import { plain } from '../../../reports/wording/index.ts'
import type { Session } from '../../shared/session.ts'

/** Tells how a duet goes: a live line after each unit on a terminal, elsewhere one line at each look. */
export function abProgress({ world, progress }: Session, quiet: boolean): DuetProgress {
  const live = world.terminal.stderrIsTerminal && !quiet
  const line = (text: string): void =>
    world.stderr(`\r\u001B[2K${text.slice(0, Math.max(20, world.terminal.width - 1))}`)
  let warming = false
  return {
    phase: (text) => {
      if (live) world.stderr('\r\u001B[2K')
      progress.phase(text)
      warming = false
    },
    warming: (spentMs) => {
      if (live) line(`  warming both up  ${Math.round(spentMs / 1000)} s`)
      else if (!warming && !quiet) world.stderr('  warming both up until they are flat\n')
      warming = true
    },
    measured: ({ pairs, planned, units, verdict, confirming }) => {
      if (quiet) return
      const what = `  ${confirming ? 'fresh pair, ' : ''}${pairs} of ${Math.max(pairs, planned)} pairs`
      if (live && !verdict) line(`${what}  ${estimate(units)}`)
      if (!verdict) return
      if (live) world.stderr('\r\u001B[2K')
      world.stderr(`${what}: ${estimateIn(verdict)}; ${openIn(verdict)}\n`)
    },
  }
}

function estimate(units: DuetUnits): string {
  return estimateIn(judgeDuet(units))
}

function estimateIn(verdict: Verdict): string {
  const of = (metric: string): VerdictRow | undefined =>
    verdict.rows.find((row) => row.rule === 'comparison' && row.step === null && row.metric === metric)
  const told = ['p50Ms', 'p95Ms'].flatMap((metric) => {
    const row = of(metric)
    return row?.ratio === undefined
      ? []
      : [
          `${metric === 'p50Ms' ? 'p50' : 'p95'} ${percent(row.ratio)}${row.ci ? ` (${percent(row.ci[0])} … ${percent(row.ci[1])})` : ''}`,
        ]
  })
  return told.join(', ') || 'no estimate yet'
}

function percent(ratio: number): string {
  const value = (ratio - 1) * 100
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} %`
}

function openIn(verdict: Verdict): string {
  const open = verdict.rows
    .filter((row) => row.status === 'inconclusive' && row.metric !== 'runs')
    .map((row) => `${row.step ?? 'the whole'} ${row.metric}`)
  if (verdict.verdict !== 'inconclusive') return verdict.verdict
  return open.length === 0
    ? 'still open'
    : `still open: ${plain(open.slice(0, 3).join(', '), 120)}${open.length > 3 ? `, and ${open.length - 3} more` : ''}`
}
