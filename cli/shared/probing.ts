import { dirname, join } from 'node:path'
import { combineVerdicts } from '../../baselines/index.ts'
import type { Verdict, VerdictRow } from '../../baselines/index.ts'
import { suggestName, parseCadence } from '../../config/index.ts'
import type { ProbeResult, ProbesReport } from '../../record/index.ts'
import type { Cadence } from '../../config/index.ts'
import type { ResultTimes } from '../../synthetics/metrics/index.ts'
import type { Session } from './session.ts'
import { UsageError, version } from './world.ts'

/** Throws a usage error if the config has no probe of one of these names. */
export function checkProbeNames(session: Session, names: readonly string[]): void {
  const known = Object.keys(session.loaded.config.probes ?? {})
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new UsageError(
      `probe ${JSON.stringify(unknown)} is not in the config${suggestName(unknown, known)}`,
    )
}

/**
 * Throws a usage error if a probe needs a browser and `VIGIL_BROWSER` names none. Without the variable, a
 * missing browser makes the outcome of the probe unknown.
 */
export async function checkProbeBrowser(session: Session, names: readonly string[]): Promise<void> {
  const { probes = {} } = session.loaded.config
  const named = session.world.env['VIGIL_BROWSER']
  const isNeeded = names.some((name) => probes[name] !== undefined && 'spec' in probes[name])
  if (!isNeeded || named === undefined || named === '') return
  const { findBrowser } = await import('../../runtime/browser/index.ts')
  const browser = await findBrowser(session.world.env)
  if (browser.state === 'invalid') throw new UsageError(browser.reason)
}

/**
 * Runs probes one after the other. `run` must differ from that of every other run. Undefined without probes.
 */
export async function runSessionProbes(
  session: Session,
  names: readonly string[],
  run: string,
  certificate?: OnCertificate,
): Promise<ProbesReport | undefined> {
  if (names.length === 0) return undefined
  session.progress.phase(`probing: ${names.join(', ')}`)
  return runProbesNow(session, names, run, session.world.interrupted, certificate)
}

/** Receives when the certificate of a target expires, in milliseconds since 1970. */
export type OnCertificate = (probe: string, expiresAtMs: number) => void

/** Runs probes without showing progress, until they end or `signal` is aborted. */
export async function runProbesNow(
  session: Session,
  names: readonly string[],
  run: string,
  signal: AbortSignal,
  certificate?: OnCertificate,
): Promise<ProbesReport> {
  const { runProbes } = await import('../../synthetics/index.ts')
  const { config, journeys, file } = session.loaded
  const report = await runProbes({
    targetUrl: session.targetUrl,
    journeys,
    secrets: session.secrets,
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
  return session.redact(report)
}

/** Time per attempt in addition to its timeout: cleaning up, and a pause. */
const attemptOverheadMs = 3500
const deadlineSlackMs = 5000

/** The time after which a run of a probe is aborted. */
export async function probeDeadlineMs(session: Session, name: string): Promise<number> {
  const { resolveProbeLimits } = await import('../../synthetics/index.ts')
  const config = session.loaded.config.probes?.[name]
  if (!config) throw new UsageError(`${session.loaded.file}: probes.${name}: expected a probe, got none`)
  const { timeoutMs, attempts } = resolveProbeLimits(config)
  return attempts * (timeoutMs + attemptOverheadMs) + deadlineSlackMs
}

/** How often a probe runs: by the command line, else by its config; undefined if neither says. */
export function parseProbeCadence(
  session: Session,
  name: string,
  every: string | undefined,
): Cadence | undefined {
  const configured = session.loaded.config.probes?.[name]?.every
  const text = every ?? configured
  if (text === undefined) return undefined
  const parsed = parseCadence(text)
  if (parsed.state === 'ok') return parsed.cadence
  throw new UsageError(
    `${every === undefined ? `${session.loaded.file}: probes.${name}.every` : '--every'}: ` +
      `${parsed.problem}, got ${JSON.stringify(text.slice(0, 60))}`,
  )
}

/** Probes as rows of a verdict. A degraded probe, slow or passed only on a retry, does not fail a release. */
export function toProbeRows(report: ProbesReport): VerdictRow[] {
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

/** The verdict on probes alone. `noProbesReason`: why there are none. */
export function judgeProbes(probes: ProbesReport, noProbesReason: string, run: string): Verdict {
  const rows =
    probes.probes.length > 0
      ? toProbeRows(probes)
      : [
          {
            rule: 'target',
            step: null,
            metric: 'target',
            status: 'invalid' as const,
            message: noProbesReason,
          },
        ]
  return { ...combineVerdicts([], rows), run }
}

/** The result of pushing probe metrics: a note for the report, or a problem if pushing is required. */
export interface ProbePush {
  notes: string[]
  problems: string[]
}

/**
 * Pushes the latest result of each probe, if a Pushgateway is configured. Each probe is a group of its own,
 * because a push replaces its group, and another crontab line may run another probe. The next result replaces
 * this one wherever it was found: a group that also named the machine would keep a `down` for ever.
 *
 * @param times by probe, in milliseconds since 1970
 */
export async function pushProbes(
  session: Session,
  { probes }: ProbesReport,
  times: ReadonlyMap<string, ResultTimes>,
): Promise<ProbePush> {
  const { pushgateway } = session.loaded.config
  if (!pushgateway || probes.length === 0 || session.world.interrupted.aborted)
    return { notes: [], problems: [] }
  const { toResultRegistry } = await import('../../synthetics/metrics/index.ts')
  const { pushMetrics } = await import('../../runtime/pushgateway/index.ts')
  const build = { version: version(), node: process.versions.node }
  const pushes = await Promise.all(
    probes.map(async (result) =>
      pushMetrics({
        url: pushgateway.url,
        text: await toResultRegistry(result, build, times.get(result.name)).metrics(),
        grouping: { probe: result.name, ...session.origin },
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
