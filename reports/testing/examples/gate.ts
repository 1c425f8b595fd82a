import { combineVerdicts } from '../../../baselines/index.ts'
import type { VerdictRow } from '../../../baselines/index.ts'
import type { ProbeResult, ProbesReport } from '../../../record/index.ts'
import type { ReportInput, RunReport } from '../../input.ts'

/** What a gate did, of which an example's input is made. */
export interface GateSpec {
  title?: string
  runs?: RunReport[]
  probes?: ProbesReport
  rows?: VerdictRow[]
  notes?: string[]
}

/** The input a gate would make: one verdict over runs, probes and rows of its own. */
export function gateOf({ title = 'gate', runs = [], probes, rows = [], notes = [] }: GateSpec): ReportInput {
  const probeRows = (probes?.probes ?? []).map(probeRow)
  return {
    title,
    verdict: combineVerdicts(
      runs.map((run) => run.verdict),
      [...probeRows, ...rows],
    ),
    runs,
    ...(probes && { probes }),
    notes,
    folder: '.vigil/gates/20261124T091220Z-gate',
    vigilVersion: '0.1.0',
  }
}

function probeRow(probe: ProbeResult): VerdictRow {
  const statuses = { up: 'pass', degraded: 'pass', down: 'fail', unknown: 'inconclusive' } as const
  return {
    rule: 'probe',
    step: probe.name,
    metric: 'outcome',
    status: statuses[probe.outcome],
    message: [`probe ${probe.name} is ${probe.outcome}`, probe.message]
      .filter((part) => part !== undefined)
      .join(': '),
  }
}
