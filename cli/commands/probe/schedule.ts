import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ProbeResult } from '../../../record/index.ts'
import { runSchedule, splayed, systemClock } from '../../../synthetics/schedule/index.ts'
import type { Job } from '../../../synthetics/schedule/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { parseProbeCadence, runProbesNow } from '../../shared/probing.ts'
import type { OnCertificate } from '../../shared/probing.ts'
import { newRunId, withTarget } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { scheduleConsole } from './text.ts'
import { openWatch } from './schedule-watch.ts'
import { UsageError } from '../../shared/world.ts'
import type { ProbeOptions } from './command.ts'

/** As a probe without them has them; a browser takes longer. */
const defaults = { timeoutMs: 10_000, specTimeoutMs: 30_000, attempts: 2 } as const
/** What an attempt may take besides its own time: cleaning up, and a pause. */
const besidesMs = 3500
const patienceMs = 5000

/** Runs probes whenever they are due until interrupted; `main` then leaves with 130 or 143. */
export async function probeOnSchedule(
  session: Session,
  names: readonly string[],
  options: ProbeOptions,
): Promise<number> {
  const every = typeof options.every === 'string' ? options.every : undefined
  const certificates: { seen?: OnCertificate } = {}
  const jobs = names.map((name) =>
    jobOf(session, name, every, (probe, expiresAtMs) => certificates.seen?.(probe, expiresAtMs)),
  )
  const reached = await withTarget(
    session,
    { load: false, logFile: join(session.out, 'schedule', 'target.log') },
    async () => {
      const console = scheduleConsole(session, { json: options.json ?? false, quiet: options.quiet ?? false })
      const watch = await openWatch(session, names, options, console)
      certificates.seen = watch.certificate
      try {
        session.progress.phase(`probing ${session.targetUrl} on schedule: ${jobsText(jobs)}`)
        if (watch.metricsUrl !== undefined) session.progress.phase(`metrics: ${watch.metricsUrl}`)
        await runSchedule({
          jobs,
          clock: systemClock(session.world.now),
          stop: session.world.interrupted,
          tell: watch.hear,
        })
        session.progress.phase(watch.summary())
      } finally {
        await watch.close()
      }
    },
  )
  if (reached.state === 'unavailable') session.progress.warn(reached.reason)
  return exitCodes.invalid.code
}

const mostNamed = 12

function jobsText(jobs: readonly Job<ProbeResult>[]): string {
  const named = jobs.slice(0, mostNamed).map(({ name, cadence }) => `${name} (${cadence.text})`)
  return [...named, ...(jobs.length > mostNamed ? [`and ${jobs.length - mostNamed} more`] : [])].join(', ')
}

function jobOf(
  session: Session,
  name: string,
  every: string | undefined,
  certificate: OnCertificate,
): Job<ProbeResult> {
  const cadence = parseProbeCadence(session, name, every)
  if (!cadence)
    throw new UsageError(
      `${session.loaded.file}: probes.${name}.every: missing, expected how often it is to run ('30s', '*/5 * * * *'), or one for all by --every`,
    )
  const config = session.loaded.config.probes?.[name]
  const {
    timeoutMs = config && 'spec' in config ? defaults.specTimeoutMs : defaults.timeoutMs,
    attempts = defaults.attempts,
  } = config ?? {}
  return {
    name,
    // By machine, so that two probers of one target do not ask it at the same moment.
    cadence: splayed(cadence, hostname(), name, session.world.now()),
    deadlineMs: attempts * (timeoutMs + besidesMs) + patienceMs,
    run: async (signal) => {
      const { probes } = await runProbesNow(session, [name], newRunId(session, 'probe'), signal, certificate)
      const [result] = probes
      if (!result) throw new Error('it gave no result')
      return result
    },
  }
}
