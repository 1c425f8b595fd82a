import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, lastOutputLine, signalGroup, startDetachedChild } from '../../runtime/processes/index.ts'
import type { ProcessIdentity } from '../../runtime/processes/index.ts'
import { readState } from './state-file.ts'
import type { StackState } from './state-file.ts'

/** `failed`: the supervisor ended, with this exit code. */
export type DetachedResult =
  | { state: 'ok'; stack: StackState }
  | { state: 'failed'; code: number; reason: string }
  | { state: 'interrupted' }

export interface DetachedPlan {
  /** The supervisor's command line. */
  command: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  folder: string
  signal: AbortSignal
}

const pauseMs = 100

/**
 * Starts a supervisor that outlives this process, and waits until its stack is up. Its output is in `up.log`.
 */
export async function startDetached({
  command,
  cwd,
  env,
  folder,
  signal,
}: DetachedPlan): Promise<DetachedResult> {
  mkdirSync(folder, { recursive: true })
  const logFile = join(folder, 'up.log')
  const log = openSync(logFile, 'w', 0o600)
  // Not by startChild, whose guardian would end it with this process. It has its own guardian.
  const child = startDetachedChild(command, { cwd, env, log })
  closeSync(log)
  const ended: { code?: number } = {}
  child.once('error', () => (ended.code = 1))
  child.once('exit', (code) => (ended.code = code ?? 1))
  while (!signal.aborted) {
    const stack = readState(folder)
    if (stack?.supervisor.pid === child.pid && stack?.state === 'up') {
      child.unref()
      return { state: 'ok', stack }
    }
    if (ended.code !== undefined) return { state: 'failed', code: ended.code, reason: readReason(logFile) }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
  child.kill('SIGTERM')
  while (ended.code === undefined) await sleep(pauseMs)
  return { state: 'interrupted' }
}

function readReason(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  const own = lines.findLast((line) => line.startsWith('vigil: '))
  return own ?? (lastOutputLine(lines.join('\n')) || 'vigil: the supervisor wrote nothing')
}

/**
 * Ends exactly these processes with their groups, by SIGKILL after `graceMs`. Returns those that still run.
 */
async function endProcesses(
  processes: readonly ProcessIdentity[],
  graceMs: number,
): Promise<ProcessIdentity[]> {
  let left = processes.filter(isRunning)
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    for (const { pid } of left) signalGroup(pid, name)
    const deadline = performance.now() + (name === 'SIGTERM' ? graceMs : 2000)
    while ((left = left.filter(isRunning)).length > 0 && performance.now() < deadline) await sleep(pauseMs)
  }
  return left
}

/** Ends the parts of a stack whose supervisor has ended. Returns the names of those that it ended. */
export async function endStaleParts(state: StackState): Promise<string[]> {
  const stale = state.components.flatMap(({ name, process }) =>
    process && isRunning(process) ? [{ name, process }] : [],
  )
  await endProcesses(
    stale.map(({ process }) => process),
    5000,
  )
  return stale.map(({ name }) => name)
}

/**
 * Asks a supervisor to end its stack, and waits. If it does not, it is killed, and its guardian ends the
 * parts.
 */
export async function endSupervisor(
  supervisor: ProcessIdentity,
  graceMs: number,
): Promise<'ok' | 'timeout' | 'failed'> {
  signalProcess(supervisor, 'SIGTERM')
  if (await waitForEnd(supervisor, graceMs)) return 'ok'
  signalProcess(supervisor, 'SIGKILL')
  return (await waitForEnd(supervisor, 2000)) ? 'timeout' : 'failed'
}

async function waitForEnd(process: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (isRunning(process)) {
    if (performance.now() > deadline) return false
    await sleep(pauseMs)
  }
  return true
}

function signalProcess(known: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    if (isRunning(known)) process.kill(known.pid, name)
  } catch {
    // It has just ended.
  }
}
