import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, findCauseLine, signalGroup, startDetachedChild } from '../../runtime/processes/index.ts'
import type { ProcessIdentity } from '../../runtime/processes/index.ts'
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'

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
  return own ?? (findCauseLine(lines.join('\n')) || 'vigil: the supervisor wrote nothing')
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

const identity = z.object({ pid: z.number().int().positive(), started: z.string() })

const stackState = z.object({
  schema: z.literal('vigil.stack/1'),
  /** The process that supervises the stack and ends it. */
  supervisor: identity,
  state: z.enum(['starting', 'up', 'ending']),
  components: z.array(
    z.object({
      name: z.string(),
      url: z.string(),
      process: identity.optional(),
      ended: z.string().optional(),
    }),
  ),
  targets: z.array(
    z.object({
      job: z.string(),
      url: z.string(),
      health: z.enum(['up', 'down', 'unknown']),
      error: z.string(),
    }),
  ),
})

/** A stack as other processes see it. */
export type StackState = z.infer<typeof stackState>

const fileIn = (folder: string): string => join(folder, 'state.json')

/** The state of the stack in a folder; undefined when there is none, or the file is something else. */
export function readState(folder: string): StackState | undefined {
  try {
    return stackState.parse(JSON.parse(readFileSync(fileIn(folder), 'utf8')))
  } catch {
    return undefined
  }
}

export async function writeState(folder: string, state: StackState): Promise<void> {
  const scratch = `${fileIn(folder)}.${state.supervisor.pid}`
  await writeFile(scratch, JSON.stringify(state), { mode: 0o600 })
  await rename(scratch, fileIn(folder))
}

export type ClaimResult = { state: 'ok'; before: StackState | undefined } | { state: 'busy'; by: StackState }

/**
 * Takes the folder for one stack: of two that start at the same time one wins. `before`: the state that a
 * crashed one left.
 */
export async function claim(folder: string, state: StackState): Promise<ClaimResult> {
  await mkdir(folder, { recursive: true })
  const before = readState(folder)
  if (before && isRunning(before.supervisor)) return { state: 'busy', by: before }
  await rm(fileIn(folder), { force: true })
  const scratch = `${fileIn(folder)}.${state.supervisor.pid}`
  await writeFile(scratch, JSON.stringify(state), { mode: 0o600 })
  try {
    // Unlike a rename it does not overwrite, and unlike an exclusive write the file is complete from the
    // start.
    await link(scratch, fileIn(folder))
    return { state: 'ok', before }
  } catch (error) {
    const other = readState(folder)
    if (other === undefined) throw error
    return { state: 'busy', by: other }
  } finally {
    await rm(scratch, { force: true })
  }
}

/** Removes the state of a stack, if it is that of this supervisor. */
export async function release(folder: string, supervisorPid: number): Promise<void> {
  const now = readState(folder)
  if (now === undefined || now.supervisor.pid === supervisorPid) await rm(fileIn(folder), { force: true })
}
