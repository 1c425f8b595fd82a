import { join } from 'node:path'
import { combineVerdicts } from '../../baselines/index.ts'
import type { ReportInput } from '../../reports/index.ts'
import { printJson, printSummary, writeReports } from '../artefacts.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { newRunId } from '../measure.ts'
import type { CommonOptions } from '../options.ts'
import { checkProbeNames, probeRows, runSessionProbes } from '../probing.ts'
import { openSession, withTarget } from '../session.ts'
import { version } from '../version.ts'
import { Misuse } from '../world.ts'
import type { World } from '../world.ts'

export interface ProbeOptions extends CommonOptions {
  once?: boolean
}

/** Runs probes once, all of the config or those named. */
export async function probe(names: readonly string[], options: ProbeOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  checkProbeNames(session, names)
  const wanted = names.length > 0 ? names : Object.keys(session.loaded.config.probes ?? {})
  if (wanted.length === 0) throw new Misuse(`${session.loaded.file}: probes: found none, expected at least one to run`)
  const folder = join(session.out, 'runs', newRunId(session, 'probe'))
  const reached = await withTarget(session, { load: false, logFile: join(folder, 'target.log') }, async () => runSessionProbes(session, wanted))
  const probes = reached.state === 'used' ? reached.result : undefined
  const rows = probes ? probeRows(probes) : []
  const unreachable = reached.state === 'unreachable' ? reached.reason : 'no probe was run'
  const verdict = combineVerdicts([], probes ? rows : [{ rule: 'target', step: null, metric: 'target', status: 'invalid', message: unreachable }])
  const input: ReportInput = { title: 'probe', verdict, runs: [], ...(probes && { probes }), notes: [], folder, vigilVersion: version() }
  const problems = await writeReports(folder, input, session.progress.warn)
  if (options.json) printJson(world, probes ?? { schema: 'vigil.probes/1', probes: [] })
  else printSummary(world, input)
  return problems.length > 0 ? exitCodes.invalid.code : exitCodeOf(verdict.verdict)
}
