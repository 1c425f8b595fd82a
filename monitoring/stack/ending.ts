import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning } from '../../runtime/processes/index.ts'
import type { ProcessIdentity } from '../../runtime/processes/index.ts'
import type { StackState } from './state-file.ts'

const pauseMs = 50

/** Ends exactly these processes with their groups, the deaf ones by force after `graceMs`. Returns those that are still there. */
export async function endProcesses(
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

/** Ends what a stack that is no longer watched over has left. Returns the names of what it ended. */
export async function endLeftovers(state: StackState): Promise<string[]> {
  const left = state.components.flatMap(({ name, process }) =>
    process && isRunning(process) ? [{ name, process }] : [],
  )
  await endProcesses(
    left.map(({ process }) => process),
    5000,
  )
  return left.map(({ name }) => name)
}

/** Asks a supervisor to end its stack, and waits. When it does not, it is killed: its guardian ends what it has started. */
export async function endSupervisor(
  supervisor: ProcessIdentity,
  graceMs: number,
): Promise<'ended' | 'killed' | 'left'> {
  signal(supervisor, 'SIGTERM')
  if (await gone(supervisor, graceMs)) return 'ended'
  signal(supervisor, 'SIGKILL')
  return (await gone(supervisor, 2000)) ? 'killed' : 'left'
}

async function gone(process: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (isRunning(process)) {
    if (performance.now() > deadline) return false
    await sleep(pauseMs)
  }
  return true
}

function signal(known: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    if (isRunning(known)) process.kill(known.pid, name)
  } catch {
    // It ended in between.
  }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    // It ended in between.
  }
}
