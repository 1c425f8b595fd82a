import { startProcess, waitReady } from '../services/index.ts'
import type { ProcessPlan, RunningProcess, StartResult } from '../services/index.ts'

/** How to start the service under test, and where it will answer. */
export interface TargetPlan extends Pick<ProcessPlan, 'url' | 'command' | 'cwd' | 'env' | 'logFile'> {
  /** A path that answers 2xx once the service can be used. */
  ready: string
  timeoutMs: number
  signal: AbortSignal
}

const stopGraceMs = 10_000

/** Starts the service and waits until it is ready. A failure leaves nothing running. */
export async function startTarget(plan: TargetPlan): Promise<StartResult<RunningProcess>> {
  if (plan.command[0] === undefined)
    return {
      state: 'failed',
      cause: 'program',
      reason: 'target.command: expected a program and its arguments, found an empty list',
    }
  const readiness = await waitReady(plan.url, plan.ready, { timeoutMs: 0, signal: plan.signal })
  if (readiness !== 'unreachable')
    return {
      state: 'failed',
      cause: 'port-in-use',
      reason:
        `something already answers at ${plan.url}: stop it, ` +
        `or test it as it is with '--target ${plan.url}'`,
    }
  return startProcess({ ...plan, name: `target.command '${plan.command.join(' ')}'`, stopGraceMs })
}
