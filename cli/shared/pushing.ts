import type { VerdictRow } from '../../baselines/index.ts'
import { runReportOf } from './judged-run.ts'
import type { JudgedRun } from './judged-run.ts'
import type { Session } from './session.ts'

/** What pushing came to: notes for the reader, and a row when a push that was required failed. */
export interface Pushes {
  notes: string[]
  rows: VerdictRow[]
}

/** Pushes the metrics of judged runs when a Pushgateway is configured. Its failure changes no verdict unless it is required. */
export async function pushRuns(
  session: Session,
  runs: readonly JudgedRun[],
  required: boolean,
): Promise<Pushes> {
  const { pushgateway } = session.loaded.config
  // Half a run must not stand on a Pushgateway as the last one.
  if (session.world.interrupted.aborted) return { notes: [], rows: [] }
  const require = required || (pushgateway?.require ?? false)
  if (!pushgateway)
    return require
      ? failed('no Pushgateway is configured: set pushgateway.url', true)
      : { notes: [], rows: [] }
  const { pushRun } = await import('../../runtime/pushgateway/index.ts')
  for (const judged of runs) {
    const pushed = await pushRun({
      url: pushgateway.url,
      ...runReportOf(judged),
      signal: session.world.interrupted,
    })
    if (pushed.state === 'failed') {
      const message = `metrics of ${judged.run.suite} were not pushed: ${pushed.reason}; they are kept in metrics.prom`
      session.progress.warn(message)
      return failed(message, require)
    }
  }
  return { notes: runs.length > 0 ? ['metrics were pushed'] : [], rows: [] }
}

function failed(message: string, require: boolean): Pushes {
  return {
    notes: [message],
    rows: require ? [{ rule: 'push', step: null, metric: 'push', status: 'invalid', message }] : [],
  }
}
