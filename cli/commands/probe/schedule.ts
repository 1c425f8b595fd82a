import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ProbeResult } from '../../../record/index.ts'
import { runSchedule, splayCadence, createSystemClock } from '../../../synthetics/schedule/index.ts'
import type { Job } from '../../../synthetics/schedule/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { parseProbeCadence, probeDeadlineMs, runProbesNow } from '../../shared/probing.ts'
import type { OnCertificate } from '../../shared/probing.ts'
import { newRunId } from '../../shared/session.ts'
import { withTarget } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import { scheduleConsole } from './text.ts'
import { openWatch } from './schedule-watch.ts'
import { UsageError } from '../../shared/world.ts'
import type { ProbeOptions } from './command.ts'

/** Runs probes on their schedule until interrupted; `main.ts` then exits with 130 or 143. */
export async function probeOnSchedule(
  session: Session,
  names: readonly string[],
  options: ProbeOptions,
): Promise<number> {
  const every = typeof options.every === 'string' ? options.every : undefined
  const certificates: { seen?: OnCertificate } = {}
  const deadlines = await Promise.all(names.map(async (name) => probeDeadlineMs(session, name)))
  const jobs = names.map((name, index) =>
    jobOf(session, { name, every, deadlineMs: deadlines[index] ?? 0 }, (probe, expiresAtMs) =>
      certificates.seen?.(probe, expiresAtMs),
    ),
  )
  const reached = await withTarget(
    session,
    { load: false, logFile: join(session.out, 'schedule', 'target.log') },
    async () => {
      const console = scheduleConsole(session, { json: options.json ?? false, quiet: options.quiet ?? false })
      const watch = await openWatch(session, jobs, options, console)
      certificates.seen = watch.certificate
      try {
        session.progress.phase(`probing ${session.targetUrl} on schedule: ${jobsText(jobs)}`)
        if (watch.metricsUrl !== undefined) session.progress.phase(`metrics: ${watch.metricsUrl}`)
        await runSchedule({
          jobs,
          clock: createSystemClock(session.world.now),
          stop: session.world.interrupted,
          onEvent: watch.onEvent,
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
  { name, every, deadlineMs }: { name: string; every: string | undefined; deadlineMs: number },
  certificate: OnCertificate,
): Job<ProbeResult> {
  const cadence = parseProbeCadence(session, name, every)
  if (!cadence)
    throw new UsageError(
      `${session.loaded.file}: probes.${name}.every: missing, ` +
        "expected an interval ('30s') or cron expression ('*/5 * * * *'), or one for all probes by --every",
    )
  return {
    name,
    // By machine, so that two probers of one target do not send requests at the same moment.
    cadence: splayCadence(cadence, hostname(), name, session.world.now()),
    deadlineMs,
    run: async (signal) => {
      const { probes } = await runProbesNow(session, [name], newRunId(session, 'probe'), signal, certificate)
      const [result] = probes
      if (!result) throw new Error('it gave no result')
      return result
    },
  }
}
