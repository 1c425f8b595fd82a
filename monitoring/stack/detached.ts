import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readState } from './state-file.ts'
import type { StackState } from './state-file.ts'

export type Detached =
  | { state: 'up'; stack: StackState }
  | { state: 'ended'; code: number; reason: string }
  | { state: 'interrupted' }

export interface DetachedPlan {
  /** The whole command line of the supervisor. */
  command: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  folder: string
  signal: AbortSignal
}

const pauseMs = 100

/** Starts a supervisor that outlives us and waits until its stack is up. What it says is in `up.log`. */
export async function startDetached({ command, cwd, env, folder, signal }: DetachedPlan): Promise<Detached> {
  mkdirSync(folder, { recursive: true })
  const logFile = join(folder, 'up.log')
  const log = openSync(logFile, 'w', 0o600)
  const [program = '', ...args] = command
  // Not through processes/, whose guardian would end it with us: this one has to stay. It has a guardian of its own.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended: { code?: number } = {}
  child.once('error', () => (ended.code = 1))
  child.once('exit', (code) => (ended.code = code ?? 1))
  while (!signal.aborted) {
    const stack = readState(folder)
    if (stack?.supervisor.pid === child.pid && stack?.state === 'up') {
      child.unref()
      return { state: 'up', stack }
    }
    if (ended.code !== undefined) return { state: 'ended', code: ended.code, reason: lastLine(logFile) }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
  }
  child.kill('SIGTERM')
  while (ended.code === undefined) await sleep(pauseMs)
  return { state: 'interrupted' }
}

function lastLine(file: string): string {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return (
    lines.findLast((line) => line.startsWith('vigil: ')) ??
    lines.at(-1) ??
    'vigil: the supervisor said nothing'
  )
}
