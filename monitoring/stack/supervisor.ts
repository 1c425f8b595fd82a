import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../receivers/index.ts'
import { endStaleParts, claim, release, writeState } from './detached.ts'
import type { StackPlan } from './plan.ts'
import { identifyProcess } from '../../runtime/processes/index.ts'
import type { ProcessIdentity } from '../../runtime/processes/index.ts'
import { startStack } from './stack.ts'
import { readTargets } from './parts.ts'
import type { Target } from './parts.ts'
import type { StackState } from './detached.ts'

/** Callbacks of a supervisor. */
export interface SupervisorListener {
  onPhase: (text: string) => void
  /** Everything has started, and Prometheus has had its time to scrape. */
  onUp: (state: StackState) => void
  /** A part has ended or a target has changed. */
  onChange: (state: StackState, change: string) => void
  onDelivery: (delivery: Delivery) => void
}

/** `ok`: it was ended as requested; `unexpectedEnds` are the parts that had ended by themselves before. */
export type SupervisorResult =
  | { state: 'ok'; unexpectedEnds: string[] }
  | { state: 'busy'; by: StackState }
  | { state: 'invalid' | 'failed'; reason: string }

export interface SupervisorTiming {
  /** How long targets may take to be up before they are reported as down. */
  targetsTimeoutMs: number
  /** The interval of later checks. */
  targetsIntervalMs: number
}

/** Starts the stack, supervises it until `plan.signal` is aborted, and ends it. One stack per folder. */
export async function superviseStack(
  plan: Omit<StackPlan, 'onEvent'>,
  self: ProcessIdentity,
  listener: SupervisorListener,
  timing: SupervisorTiming,
): Promise<SupervisorResult> {
  const state: StackState = {
    schema: 'vigil.stack/1',
    supervisor: self,
    state: 'starting',
    components: [],
    targets: [],
  }
  const claimed = await claim(plan.folder, state)
  if (claimed.state === 'busy') return claimed
  try {
    const stale = claimed.before ? await endStaleParts(claimed.before) : []
    if (stale.length > 0) listener.onPhase(`ended parts of an earlier stack: ${stale.join(', ')}`)
    return await run(plan, state, listener, timing)
  } finally {
    await release(plan.folder, self.pid)
  }
}

async function run(
  plan: Omit<StackPlan, 'onEvent'>,
  state: StackState,
  listener: SupervisorListener,
  timing: SupervisorTiming,
): Promise<SupervisorResult> {
  // One write after the other: an older state must not overwrite a newer one.
  let writing = Promise.resolve()
  const write = (): void => {
    const now = structuredClone(state)
    writing = writing.then(async () => writeState(plan.folder, now)).catch(() => undefined)
  }
  const unexpectedEnds: string[] = []
  const started = await startStack({
    ...plan,
    onEvent: (event) => {
      if (event.event === 'notification') return listener.onDelivery(event.delivery)
      const { name, url, pid } = event.component
      if (event.event === 'up') {
        const process = pid === undefined ? undefined : identifyProcess(pid)
        state.components.push({ name, url, ...(process && { process }) })
        listener.onPhase(`${name} is up: ${url}`)
        return write()
      }
      const how = `${name} ${event.how}`
      unexpectedEnds.push(how)
      state.components = state.components.map((part) =>
        part.name === name ? { ...part, ended: event.how } : part,
      )
      write()
      return listener.onChange(state, how)
    },
  })
  if (started.state !== 'ok') return started
  const { stack } = started
  try {
    listener.onPhase(`waiting until Prometheus has scraped its ${stack.targetCount} targets`)
    state.targets = await waitForTargets(stack.prometheusUrl, stack.targetCount, {
      timeoutMs: timing.targetsTimeoutMs,
      signal: plan.signal,
    })
    state.state = 'up'
    write()
    if (!plan.signal.aborted) listener.onUp(state)
    await watchTargets(stack.prometheusUrl, state, timing.targetsIntervalMs, plan.signal, (what) => {
      write()
      listener.onChange(state, what)
    })
  } finally {
    listener.onPhase('ending all parts')
    state.state = 'ending'
    write()
    await stack.stop()
    await writing
  }
  return { state: 'ok', unexpectedEnds }
}

/** Keeps the health of the targets up to date until interrupted. */
async function watchTargets(
  prometheusUrl: string,
  state: StackState,
  intervalMs: number,
  signal: AbortSignal,
  changed: (what: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined)
    const now = signal.aborted ? undefined : await readTargets(prometheusUrl, signal)
    if (now === undefined || signal.aborted) continue
    const before = new Map(state.targets.map(({ url, health }) => [url, health]))
    state.targets = now
    for (const { job, url, health, error } of now)
      if (before.get(url) !== health) changed(`target ${job} is ${health}${error === '' ? '' : `: ${error}`}`)
  }
}

const pauseMs = 200

/** Waits until `expected` targets exist and all are up, or the time is up; returns the last state. */
async function waitForTargets(
  prometheusUrl: string,
  expected: number,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Target[]> {
  const deadline = performance.now() + limits.timeoutMs
  for (let last: Target[] = []; ;) {
    last = (await readTargets(prometheusUrl, limits.signal)) ?? last
    const done = last.length >= expected && last.every(({ health }) => health === 'up')
    if (done || limits.signal.aborted || performance.now() > deadline) return last
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}
