import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../receivers/index.ts'
import { endLeftovers } from './ending.ts'
import type { StackPlan } from './plan.ts'
import { identifyProcess } from '../../runtime/processes/index.ts'
import type { ProcessIdentity } from '../../runtime/processes/index.ts'
import { startStack } from './stack.ts'
import { claim, release, writeState } from './state-file.ts'
import type { StackState } from './state-file.ts'
import { targetsOf, waitForTargets } from './targets.ts'

/** Hears what happens to the stack. */
export interface Audience {
  phase: (text: string) => void
  /** Everything is started and Prometheus has had its time: as it is now. */
  up: (state: StackState) => void
  /** Something ended or a target changed. */
  changed: (state: StackState, what: string) => void
  notified: (received: Delivery) => void
}

export type Supervised =
  | { state: 'ended'; /** What had ended by itself before. */ lost: string[] }
  | { state: 'taken'; by: StackState }
  | { state: 'wrong' | 'failed'; reason: string }

export interface Timing {
  /** How long targets may take to be up before it is said that they are not. */
  targetsMs: number
  /** How often targets are looked at afterwards. */
  lookMs: number
}

/** Starts the stack, watches over it until `plan.signal` is aborted, and ends it. One stack a folder. */
export async function supervise(
  plan: Omit<StackPlan, 'tell'>,
  self: ProcessIdentity,
  audience: Audience,
  timing: Timing,
): Promise<Supervised> {
  const state: StackState = {
    schema: 'vigil.stack/1',
    supervisor: self,
    state: 'starting',
    components: [],
    targets: [],
  }
  const claimed = await claim(plan.folder, state)
  if (claimed.state === 'taken') return claimed
  try {
    const leftovers = claimed.before ? await endLeftovers(claimed.before) : []
    if (leftovers.length > 0) audience.phase(`ended what an earlier stack had left: ${leftovers.join(', ')}`)
    return await run(plan, state, audience, timing)
  } finally {
    await release(plan.folder, self.pid)
  }
}

async function run(
  plan: Omit<StackPlan, 'tell'>,
  state: StackState,
  audience: Audience,
  timing: Timing,
): Promise<Supervised> {
  // One after the other: an older state must not overwrite a newer one.
  let writing = Promise.resolve()
  const write = (): void => {
    const now = structuredClone(state)
    writing = writing.then(async () => writeState(plan.folder, now)).catch(() => undefined)
  }
  const lost: string[] = []
  const started = await startStack({
    ...plan,
    tell: (event) => {
      if (event.event === 'notification') return audience.notified(event.received)
      const { name, url, pid } = event.component
      if (event.event === 'up') {
        const process = pid === undefined ? undefined : identifyProcess(pid)
        state.components.push({ name, url, ...(process && { process }) })
        audience.phase(`${name} is up: ${url}`)
        return write()
      }
      const how = `${name} ${event.how}`
      lost.push(how)
      state.components = state.components.map((part) =>
        part.name === name ? { ...part, ended: event.how } : part,
      )
      write()
      return audience.changed(state, how)
    },
  })
  if (started.state !== 'up') return started
  const { stack } = started
  try {
    audience.phase(`waiting for Prometheus to have scraped its ${stack.targets} targets`)
    state.targets = await waitForTargets(stack.prometheusUrl, stack.targets, {
      timeoutMs: timing.targetsMs,
      signal: plan.signal,
    })
    state.state = 'up'
    write()
    if (!plan.signal.aborted) audience.up(state)
    await watchTargets(stack.prometheusUrl, state, timing.lookMs, plan.signal, (what) => {
      write()
      audience.changed(state, what)
    })
  } finally {
    audience.phase('ending everything')
    state.state = 'ending'
    write()
    await stack.stop()
    await writing
  }
  return { state: 'ended', lost }
}

/** Keeps the targets' health up to date until interrupted. */
async function watchTargets(
  prometheusUrl: string,
  state: StackState,
  lookMs: number,
  signal: AbortSignal,
  changed: (what: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(lookMs, undefined, { signal }).catch(() => undefined)
    const now = signal.aborted ? undefined : await targetsOf(prometheusUrl, signal)
    if (now === undefined || signal.aborted) continue
    const before = new Map(state.targets.map(({ url, health }) => [url, health]))
    state.targets = now
    for (const { job, url, health, error } of now)
      if (before.get(url) !== health) changed(`target ${job} is ${health}${error === '' ? '' : `: ${error}`}`)
  }
}
