import { startChild } from '../processes/index.ts'
import type { Child } from '../processes/index.ts'
import { waitReady } from './ready.ts'

/** How to start a service and where it will answer. */
export interface Bootable {
  url: string
  command: readonly string[]
  /** Path that answers 2xx once the service can be used. */
  ready: string
  cwd: string
  /** The child's whole environment. */
  env: NodeJS.ProcessEnv
  /** How long it may take to be ready. */
  timeoutMs: number
  /** Where its output goes. */
  logFile: string
  signal: AbortSignal
}

export interface Booted {
  pid: number | undefined
  /** Ends the service and everything it started. */
  stop: () => Promise<void>
  /** What it last wrote, for messages when it died. */
  tail: () => string
  /** Settles when the service has ended, with how. */
  ended: Child['ended']
}

export type BootResult = { state: 'up'; service: Booted } | { state: 'failed'; reason: string }

const stopGraceMs = 10_000

/** Starts the service and waits until it says that it is ready. Whatever goes wrong, nothing is left running. */
export async function boot(plan: Bootable): Promise<BootResult> {
  const [program, ...args] = plan.command
  if (program === undefined) return { state: 'failed', reason: 'target.command is empty, expected a program' }
  if ((await waitReady(plan.url, plan.ready, { timeoutMs: 0, signal: plan.signal })) !== 'nobody') {
    return {
      state: 'failed',
      reason: `something already answers at ${plan.url}: stop it, or test it as it is with '--target ${plan.url}'`,
    }
  }
  const child = startChild(program, args, { cwd: plan.cwd, env: plan.env, outputFile: plan.logFile })
  const stopWaiting = new AbortController()
  const died = child.ended.then((end) => ({ end }))
  const ready = waitReady(plan.url, plan.ready, {
    timeoutMs: plan.timeoutMs,
    signal: AbortSignal.any([plan.signal, stopWaiting.signal]),
  })
  const first = await Promise.race([died, ready])
  stopWaiting.abort()
  if (first === 'ready') return { state: 'up', service: booted(child) }
  await child.stop(stopGraceMs)
  return { state: 'failed', reason: whyNotUp(plan, first, child) }
}

function booted(child: Child): Booted {
  return {
    pid: child.pid,
    ended: child.ended,
    tail: () => lastWords(child),
    stop: async () => {
      await child.stop(stopGraceMs)
    },
  }
}

function whyNotUp(
  plan: Bootable,
  first: { end: Awaited<Child['ended']> } | Awaited<ReturnType<typeof waitReady>>,
  child: Child,
): string {
  const command = plan.command.join(' ')
  if (plan.signal.aborted) return 'interrupted while the target was starting'
  const words = lastWords(child)
  const said = words === '' ? 'it wrote nothing' : `it last wrote: ${words}`
  if (typeof first === 'string')
    return `target.command '${command}' was not ready at ${plan.url}${plan.ready} within ${plan.timeoutMs / 1000} s; ${said}`
  const { end } = first
  if (end.state === 'failed') return `target.command '${command}' could not be started: ${end.reason}`
  return `target.command '${command}' ended with ${end.state === 'exited' ? `code ${end.code}` : end.signal} before it was ready; ${said}`
}

// One line for a message: the last one it wrote.
function lastWords(child: Child): string {
  const text = child.tail('stderr')
  return (text.split('\n').findLast((line) => line.trim() !== '') ?? '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 300)
}
