import { join, resolve } from 'node:path'
import { combineVerdicts, verdictSchema } from '../../../baselines/index.ts'
import type { VerdictRow } from '../../../baselines/index.ts'
import { parseDocument } from '../../../record/documents/index.ts'
import type { ReportInput } from '../../../reports/index.ts'
import { readProbes, toRunReport } from '../../shared/artefacts.ts'
import type { JudgedRun } from '../../shared/artefacts.ts'
import { toProbeRows } from '../../shared/probing.ts'
import type { Session } from '../../shared/session.ts'
import { readIfPresent, UsageError, version } from '../../shared/world.ts'

/** Rows that are judged again from the records. All others stay as the gate wrote them. */
const judgedAgain = new Set(['budget', 'validity', 'threshold', 'script', 'baseline', 'anchor'])

/** The report of a gate, from the records of its runs and its probes. */
export async function gateReport(
  session: Session,
  gate: { folder: string; runs: readonly string[] },
  judge: (path: string) => Promise<JudgedRun>,
): Promise<ReportInput> {
  const { folder } = gate
  const file = join(folder, 'verdict.json')
  const stored = parseDocument((await readIfPresent(file)) ?? '', file, verdictSchema, 'a verdict')
  if (stored.state === 'invalid') throw new UsageError(stored.problem)
  const probes = await readProbes(folder)
  const report = probes.state === 'ok' ? probes.report : undefined
  const runs: JudgedRun[] = []
  for (const id of gate.runs) runs.push(await judge(resolve(session.out, 'runs', id)))
  const known = new Set(runs.map(({ run }) => run.suite))
  const kept = stored.value.rows.filter((row) =>
    row.rule === 'probe' ? report === undefined : isKept(row, known),
  )
  const rows = [...(report ? toProbeRows(report) : []), ...kept]
  return {
    title: 'gate',
    target: session.targetUrl,
    verdict: combineVerdicts(
      runs.map(({ verdict }) => verdict),
      rows,
    ),
    runs: runs.map(toRunReport),
    ...(report && { probes: report }),
    notes: [...new Set(runs.flatMap(({ run, notes = [] }) => [...(run.notes ?? []), ...notes]))],
    folder,
    vigilVersion: version(),
  }
}

/** The rows of a duet, of the push and of suites that were left out. */
function isKept({ rule, suite }: VerdictRow, judged: ReadonlySet<string>): boolean {
  return !judgedAgain.has(rule) || (suite !== undefined && !judged.has(suite))
}
