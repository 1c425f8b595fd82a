import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { guardian } from './guardian.ts'

export interface ChildOptions {
  cwd?: string
  /** The whole environment of the child: nothing is inherited that is not in it. */
  env: NodeJS.ProcessEnv
  /** Writes both streams to this file instead of reading them, so that a talkative child costs us nothing. */
  outputFile?: string
  /** Each whole line the child prints; lines are cut at 8 KiB. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

/** How a child ended. `failed`: it never started (not found, not executable). */
export type ChildEnd =
  | { state: 'exited'; code: number }
  | { state: 'signalled'; signal: NodeJS.Signals }
  | { state: 'failed'; reason: string }

export interface Child {
  pid: number | undefined
  /** Settles when the process has ended and its output is read; never rejects. */
  ended: Promise<ChildEnd>
  /** The last 4 KiB it wrote to a stream (to the file, when it writes to one), for messages. */
  tail: (stream: 'stdout' | 'stderr') => string
  signal: (signal: NodeJS.Signals) => void
  /** SIGTERM to its whole process group, SIGKILL after `graceMs`; resolves when it has ended. */
  stop: (graceMs: number) => Promise<ChildEnd>
}

/**
 * Starts a process in a group of its own and promises that it never outlives us: grandchildren are signalled with it,
 * and a guardian ends the group if we are killed.
 */
export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  const tails = { stdout: '', stderr: '' }
  const file = options.outputFile === undefined ? undefined : openSync(options.outputFile, 'w', 0o600)
  const output = file ?? 'pipe'
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', output, output],
  })
  if (file !== undefined) closeSync(file)
  const group = child.pid
  if (group !== undefined) guardian().watch(group)
  for (const stream of ['stdout', 'stderr'] as const) {
    if (child[stream])
      readLines(
        child[stream],
        (line) => options.onLine?.(line, stream),
        (chunk) => {
          tails[stream] = (tails[stream] + chunk).slice(-tailBytes)
        },
      )
  }
  const ended = whenEnded(child).then((end) => {
    if (group !== undefined) sweep(group)
    return end
  })
  const signal = (name: NodeJS.Signals): void => {
    if (group !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(group, name)
  }
  return {
    pid: group,
    ended,
    tail: (stream) => (options.outputFile === undefined ? tails[stream] : endOf(options.outputFile)).trim(),
    signal,
    stop: async (graceMs) => {
      signal('SIGTERM')
      const timer = setTimeout(() => signal('SIGKILL'), graceMs)
      const end = await ended
      clearTimeout(timer)
      return end
    },
  }
}

async function whenEnded(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined)
        resolve({ state: 'failed', reason: error.code === 'ENOENT' ? 'not found' : error.message })
    })
    // Not 'exit': the last words of a crash may still be in the pipe. But a grandchild that keeps the pipe open must not
    // keep us waiting for ever.
    child.once('exit', () => {
      const release = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, 1000)
      child.once('close', () => clearTimeout(release))
    })
    child.once('close', (code, signal) => {
      resolve(signal === null ? { state: 'exited', code: code ?? 1 } : { state: 'signalled', signal })
    })
  })
}

// What the leader left behind in its group is ended too, and only then is the group forgotten.
function sweep(group: number): void {
  signalGroup(group, 'SIGKILL')
  guardian().forget(group)
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH'
    if (!gone) throw error
  }
}

const tailBytes = 4096
const longestLine = 8192

function readLines(stream: Readable, onLine: (line: string) => void, onChunk: (chunk: string) => void): void {
  let pending = ''
  stream.setEncoding('utf8')
  stream.on('error', () => undefined)
  stream.on('data', (chunk: string) => {
    onChunk(chunk)
    const lines = (pending + chunk).split('\n')
    pending = (lines.pop() ?? '').slice(0, longestLine)
    for (const line of lines) onLine(line.slice(0, longestLine))
  })
  stream.on('end', () => {
    if (pending !== '') onLine(pending)
  })
}

function endOf(file: string): string {
  const handle = openSync(file, 'r')
  try {
    const { size } = fstatSync(handle)
    const buffer = Buffer.alloc(Math.min(size, tailBytes))
    const read = readSync(handle, buffer, 0, buffer.length, size - buffer.length)
    return buffer.toString('utf8', 0, read)
  } finally {
    closeSync(handle)
  }
}
