import type { Run } from '../../record/index.ts'
import type { ProbesReport } from '../../record/probe.ts'
import type { Session } from './session.ts'
import { version } from './version.ts'

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
  const { pushRegistry } = await import('../../runtime/pushgateway/index.ts')
  const build = { version: version(), node: process.versions.node }
  const pushes = await Promise.all(
    probes.map(async (result) =>
      pushRegistry({
        url: pushgateway.url,
        registry: registryOfResult(result, build, certificates.get(result.name)),
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
