import { join } from 'node:path'
import type { ReportInput } from '../../../reports/index.ts'
import { toProbeRecord } from '../../../synthetics/index.ts'
import type { ProbesReport } from '../../../record/index.ts'
import { writeProbes, writeReports, conclude } from '../../shared/artefacts.ts'
import { describeEnvironment, describeTarget, newRunId, openSession } from '../../shared/session.ts'
import { withTarget } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import { keepOnce } from '../../shared/history.ts'
import {
  pushProbes,
  parseProbeCadence,
  probeDeadlineMs,
  checkProbeBrowser,
  checkProbeNames,
  runSessionProbes,
  judgeProbes,
} from '../../shared/probing.ts'
import { version, UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import type { ProbeOptions } from './command.ts'

/** Runs probes, all of the config or those named: once, or on a schedule until interrupted. */
export async function probe(names: readonly string[], options: ProbeOptions, world: World): Promise<number> {
  const session = await openSession(options, world)
  checkProbeNames(session, names)
  const wanted = names.length > 0 ? names : Object.keys(session.loaded.config.probes ?? {})
  if (wanted.length === 0)
    throw new UsageError(`${session.loaded.file}: probes: found none, expected at least one to run`)
  await checkProbeBrowser(session, wanted)
  // An invalid schedule is reported now, not when the scheduler is first started.
  for (const name of wanted) parseProbeCadence(session, name, undefined)
  if (options.every === undefined) {
    if (options.metricsPort !== undefined)
      throw new UsageError(
        '--metrics-port needs --every: a single run ends before Prometheus could scrape it ' +
          '(set pushgateway.url instead)',
      )
    return probeOnce(session, wanted, options)
  }
  const { probeOnSchedule } = await import('./schedule.ts')
  return probeOnSchedule(session, wanted, options)
}

async function probeOnce(
  session: Session,
  wanted: readonly string[],
  options: ProbeOptions,
): Promise<number> {
  const { world } = session
  const id = newRunId(session, 'probe')
  const folder = join(session.out, 'runs', id)
  const startedAt = new Date(world.now()).toISOString()
  const began = performance.now()
  const certificates = new Map<string, number>()
  const reached = await withTarget(session, { load: false, logFile: join(folder, 'target.log') }, async () =>
    runSessionProbes(session, wanted, id, (name, expiresAtMs) => void certificates.set(name, expiresAtMs)),
  )
  const probes: ProbesReport =
    reached.state === 'ok' && reached.value ? reached.value : { schema: 'vigil.probes/1', probes: [] }
  const verdict = judgeProbes(
    probes,
    reached.state === 'unavailable' ? reached.reason : 'no probe was run',
    id,
  )
  const environment = describeEnvironment(session, 'probe')
  const facts = {
    id,
    startedAt,
    durationMs: performance.now() - began,
    target: await describeTarget(session),
    environment,
  }
  const times = await keepOnce(session, probes.probes, async (name) => ({
    cadence: parseProbeCadence(session, name, undefined),
    deadlineMs: await probeDeadlineMs(session, name),
  }))
  for (const [name, certificateExpiresAtMs] of certificates)
    times.set(name, { ...times.get(name), certificateExpiresAtMs })
  const pushed = await pushProbes(session, probes, times)
  const input: ReportInput = {
    title: 'probe',
    verdict,
    runs: [],
    probes,
    notes: pushed.notes,
    folder,
    vigilVersion: version(),
  }
  const problems = [
    ...(await writeProbes(
      folder,
      probes,
      toProbeRecord(probes, (name) => journeyOf(session, name), facts),
    )),
    ...(await writeReports(folder, input)),
    ...pushed.problems,
  ]
  return conclude(session, options.json ?? false, { input, document: probes, problems })
}

function journeyOf(session: Session, name: string): string | undefined {
  const probeConfig = session.loaded.config.probes?.[name]
  return probeConfig && 'journey' in probeConfig ? probeConfig.journey : undefined
}
