import type { Random } from '../../record/index.ts'
import type { Secrets } from '../../journeys/index.ts'
import type { LookUp } from '../../journeys/client/index.ts'
import { lowerPriority, pinProcess } from '../../runtime/processes/index.ts'
import type { Pinning } from '../../runtime/processes/index.ts'
import { sides } from '../engines/k6/k6-runtime/wire.ts'
import type { PreparedContexts, ScriptMessage, Side } from '../engines/k6/k6-runtime/wire.ts'
import { collectMessages } from '../engines/k6/messages.ts'
import { findTrustProblem } from '../engines/k6/k6-process.ts'
import { runScript } from '../engines/k6/script-run.ts'
import type { ScriptObserver } from '../engines/k6/script-run.ts'
import { createLiveReader } from '../engines/k6/timeline.ts'
import { UnitFollower } from './follow.ts'
import type { DuetEvents, FollowPlan } from './follow.ts'

export interface DuetLoadPlan extends FollowPlan {
  /** Absolute path of the journeys module. */
  module: string
  secrets?: Secrets
  contexts: Record<Side, PreparedContexts>
}

/** What the load of a duet uses of this machine. */
export interface DuetEnvironment {
  /** Path of k6. */
  k6: string
  /** Fresh, for this load alone. */
  folder: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  /** Looks host names up; missing: the operating system does. */
  lookUp?: LookUp
  monotonicMs: () => number
  wallMs: () => number
  /** Splits the baseline for the control. */
  random: Random
  /** The cores that k6 is restricted to. */
  pinning: Pinning | undefined
}

/** `ok`: ended by `stop`, or by its time. `failed`: nothing could be measured. */
export type DuetLoadEnd =
  | { state: 'ok' }
  | { state: 'interrupted' }
  | { state: 'failed'; reason: string }
  | { state: 'usage-error'; reason: string }

/**
 * Loads both sides from one k6: warms them up until they are flat, then measures unit after unit until an
 * event handler stops it. The warm-up is the same load: the measurement finds connections, pools and compiled
 * code as they are under it.
 */
export async function loadDuet(
  plan: DuetLoadPlan,
  events: DuetEvents,
  { k6, folder, env, signal, wallMs, random, pinning }: DuetEnvironment,
): Promise<DuetLoadEnd> {
  const { script, module, secrets, contexts } = plan
  const protocols = sides.map((side) => script.sides[side].address.protocol)
  const untrusted = findTrustProblem(protocols, env)
  if (untrusted !== undefined) return { state: 'failed', reason: untrusted }
  const decided = new AbortController()
  let current: DuetObserver | undefined
  try {
    const end = await runScript(
      { plan: script, module, secrets, contexts: sides.map((side) => contexts[side]) },
      script.durationMs + script.requestTimeoutMs,
      { path: k6, folder, env, signal: AbortSignal.any([signal, decided.signal]) },
      (address) => {
        current?.close()
        current = observeDuet(plan, events, { address, wallMs, random, pinning, stop: () => decided.abort() })
        return current
      },
    )
    const { follower, messages } = end.observer
    await follower.finish()
    if (signal.aborted) return { state: 'interrupted' }
    const usageError = messages.usageError()
    if (usageError !== undefined) return { state: 'usage-error', reason: `${module}: ${usageError}` }
    const isComplete = end.overdue === undefined && end.ending.state === 'ok'
    if (decided.signal.aborted || isComplete) return { state: 'ok' }
    const reason = end.overdue ?? (end.ending.state === 'ok' ? '' : end.ending.reason)
    return { state: 'failed', reason: [reason, end.lastOutput].filter((text) => text !== '').join(': ') }
  } finally {
    current?.close()
  }
}

interface DuetObserver extends ScriptObserver {
  follower: UnitFollower
  messages: ReturnType<typeof collectMessages>
  close: () => void
}

/** Follows one start of k6. */
function observeDuet(
  plan: DuetLoadPlan,
  events: DuetEvents,
  world: Pick<DuetEnvironment, 'wallMs' | 'random' | 'pinning'> & { address: string; stop: () => void },
): DuetObserver {
  const { address, wallMs, random, pinning, stop } = world
  const live = createLiveReader(address)
  const messages = collectMessages()
  let dropped = 0
  let restorePriority: (() => void) | undefined
  // When k6 answers too late, it has dropped at least as many as before.
  const countDropped = async (): Promise<number> => (dropped = (await live.read())?.dropped ?? dropped)
  const follower = new UnitFollower(plan, events, { wallMs, random, countDropped, stop })
  return {
    follower,
    messages,
    receive: (message: ScriptMessage) => {
      if (message.type === 'played') follower.add(message.journey)
      else messages.add(message)
    },
    attach: async ({ pid }) => {
      if (pinning === undefined) return
      if (pid !== undefined) await pinProcess(pid, pinning.generator)
      // Where the services and k6 have cores of their own, vigil itself gives way to them. Lowered after k6
      // has started: children inherit the priority.
      restorePriority = lowerPriority()
    },
    hasStarted: messages.hasStarted,
    stop: () => undefined,
    close: () => {
      restorePriority?.()
      restorePriority = undefined
      live.close()
    },
  }
}
