import { dirname, join } from 'node:path'
import { combineVerdicts } from '../../baselines/index.ts'
import type { Verdict, VerdictRow } from '../../baselines/index.ts'
import { nearest } from '../../config/names.ts'
import type { ProbeResult, ProbesReport } from '../../record/index.ts'
import { parseCadence } from '../../config/cadence.ts'
import type { Cadence } from '../../config/cadence.ts'
import type { Session } from './session.ts'
import { UsageError, version } from './world.ts'
import type { Run } from '../../record/index.ts'

/** The probes of the config by these names; an unknown one is the user's to mend. */
export function checkProbeNames(session: Session, names: readonly string[]): void {
  const known = Object.keys(session.loaded.config.probes ?? {})
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new UsageError(`probe ${JSON.stringify(unknown)} is not in the config${nearest(unknown, known)}`)
}

/** Runs probes one after the other; `run` differs from every other run's. Nothing to run gives undefined. */
export async function runSessionProbes(
  session: Session,
  names: readonly string[],
  run: string,
  certificate?: SeenCertificate,
): Promise<ProbesReport | undefined> {
  if (names.length === 0) return undefined
  session.progress.phase(`probing: ${names.join(', ')}`)
  return runProbesNow(session, names, run, session.world.interrupted, certificate)
}

/** Told until when the certificate of a target is good, in milliseconds since 1970. */
export type SeenCertificate = (probe: string, expiresAtMs: number) => void

/** The same without a word, ended by `signal`. */
export async function runProbesNow(
  session: Session,
  names: readonly string[],
  run: string,
  signal: AbortSignal,
  certificate?: SeenCertificate,
): Promise<ProbesReport> {
  const { runProbes } = await import('../../synthetics/index.ts')
  const { config, journeys, file } = session.loaded
  return runProbes({
    targetUrl: session.targetUrl,
    journeys,
    run,
    probes: Object.fromEntries(Object.entries(config.probes ?? {}).filter(([name]) => names.includes(name))),
    signal,
    now: session.world.now,
    random: session.world.random,
    env: session.world.env,
    root: dirname(file),
    folder: join(session.out, 'runs', run),
    ...(certificate && { certificate }),
  })
}

/** How often a probe is to run: as the command line says, else as its config says; undefined where neither does. */
export function cadenceOf(session: Session, name: string, every: string | undefined): Cadence | undefined {
  const configured = session.loaded.config.probes?.[name]?.every
  const text = every ?? configured
  if (text === undefined) return undefined
  const parsed = parseCadence(text)
  if (parsed.state === 'read') return parsed.cadence
  throw new UsageError(
    `${every === undefined ? `${session.loaded.file}: probes.${name}.every` : '--every'}: found ${JSON.stringify(text.slice(0, 60))}, ${parsed.problem}`,
  )
}

/** Probes as rows of a verdict. What was passed only slowly or on a retry is told, and does not fail a release by itself. */
export function probeRows(report: ProbesReport): VerdictRow[] {
  return report.probes.map((probe) => ({
    rule: 'probe',
    step: probe.name,
    metric: 'outcome',
    status: probeStatus(probe),
    message: probeMessage(probe),
  }))
}

function probeStatus({ outcome }: ProbeResult): VerdictRow['status'] {
  switch (outcome) {
    case 'up':
    case 'degraded':
      return 'pass'
    case 'down':
      return 'fail'
    case 'unknown':
      return 'inconclusive'
  }
}

function probeMessage(probe: ProbeResult): string {
  return `probe ${probe.name} is ${probe.outcome}${probe.message === undefined ? '' : `: ${probe.message}`}`
}

/** The verdict over probes alone; `nothing` says why there are none. */
export function verdictOfProbes(probes: ProbesReport, nothing: string, run: string): Verdict {
  const rows =
    probes.probes.length > 0
      ? probeRows(probes)
      : [{ rule: 'target', step: null, metric: 'target', status: 'invalid' as const, message: nothing }]
  return { ...combineVerdicts([], rows), run }
}

/** What pushing results came to: a note for the reader, or a problem when it was required. */
export interface ProbePush {
  notes: string[]
  problems: string[]
}

/**
 * Pushes the latest result of each probe when a Pushgateway is configured. Each probe has a group of its own, since each
 * push takes the place of its group and another crontab line may run another probe.
 *
 * @param certificates by probe, when the certificate it saw expires, in milliseconds since 1970
 */
export async function pushProbes(
  session: Session,
  { probes }: ProbesReport,
  environment: Run['environment'],
  certificates: ReadonlyMap<string, number>,
): Promise<ProbePush> {
  const { pushgateway } = session.loaded.config
  if (!pushgateway || probes.length === 0 || session.world.interrupted.aborted)
    return { notes: [], problems: [] }
  const { registryOfResult } = await import('../../synthetics/metrics/once.ts')
  const { pushMetrics } = await import('../../runtime/pushgateway/index.ts')
  const build = { version: version(), node: process.versions.node }
  const pushes = await Promise.all(
    probes.map(async (result) =>
      pushMetrics({
        url: pushgateway.url,
        text: await registryOfResult(result, build, certificates.get(result.name)).metrics(),
        grouping: { probe: result.name, environment: environment.fingerprint },
        signal: session.world.interrupted,
      }),
    ),
  )
  const failure = pushes.find((push) => push.state === 'failed')
  if (failure === undefined) return { notes: ['metrics were pushed'], problems: [] }
  const message = `metrics of probes were not pushed: ${failure.reason}`
  if (pushgateway.require) return { notes: [], problems: [message] }
  session.progress.warn(message)
  return { notes: [message], problems: [] }
}
