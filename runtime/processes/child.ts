import { execFile, execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { promisify } from 'node:util'
import { toChildEnvironment } from './environment.ts'
import { describeEnd, findCauseLine, readLines, readTail, tailBytes } from './output.ts'
import type { ChildEnd } from './output.ts'

export interface ChildOptions {
  cwd?: string
  /** The child's complete environment, but for git's variables of a repository: nothing is inherited. */
  env: NodeJS.ProcessEnv
  /**
   * Writes both streams to this file instead of reading them, so that verbose output costs this process
   * nothing.
   */
  outputFile?: string
  /** Called with each complete line that the child prints; lines are cut at 8 KiB. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

export interface Child {
  pid: number | undefined
  /** Settles when the process has ended and its output is read; never rejects. */
  ended: Promise<ChildEnd>
  /** The last 4 KiB that it wrote to a stream (or to `outputFile`), for messages. */
  tail: (stream: 'stdout' | 'stderr') => string
  signal: (signal: NodeJS.Signals) => void
  /** Sends SIGTERM to its process group, and SIGKILL after `graceMs`; resolves when it has ended. */
  stop: (graceMs: number) => Promise<ChildEnd>
}

/**
 * Starts a process in a process group of its own that never outlives this process: grandchildren get the same
 * signals, and a guardian ends the group if this process is killed.
 */
export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  const tails = { stdout: '', stderr: '' }
  const file = options.outputFile === undefined ? undefined : openSync(options.outputFile, 'w', 0o600)
  const output = file ?? 'pipe'
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: toChildEnvironment(options.env),
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
  const ended = waitForEnd(child).then((end) => {
    if (group !== undefined) endGroup(group)
    return end
  })
  const signal = (name: NodeJS.Signals): void => {
    if (group !== undefined && child.exitCode === null && child.signalCode === null) signalGroup(group, name)
  }
  return {
    pid: group,
    ended,
    tail: (stream) =>
      (options.outputFile === undefined ? tails[stream] : readTail(options.outputFile)).trim(),
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

async function waitForEnd(child: ChildProcess): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined)
        resolve({ state: 'failed', reason: error.code === 'ENOENT' ? 'not found' : error.message })
    })
    // 'exit' alone is too early: the last output of a crash may still be in the pipe. But a grandchild that
    // keeps the pipe open must not delay the end for ever, so the pipe is closed after a second. If this
    // process was busy for all of it, what is in the pipe is read first: immediates run after input.
    child.once('exit', () => {
      const close = (): void => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }
      const release = setTimeout(() => setImmediate(close), 1000)
      child.once('close', () => clearTimeout(release))
    })
    child.once('close', (code, signal) => {
      resolve(signal === null ? { state: 'exited', code: code ?? 1 } : { state: 'signalled', signal })
    })
  })
}

// Kills what the leader has left in its group; only then may the guardian forget the group.
function endGroup(group: number): void {
  signalGroup(group, 'SIGKILL')
  guardian().forget(group)
}

/** Sends a signal to a process group; one that has ended is no error. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch (error) {
    const hasEnded = error instanceof Error && 'code' in error && error.code === 'ESRCH'
    if (!hasEnded) throw error
  }
}

export interface ProgramLimits {
  timeoutMs: number
  cwd?: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type ProgramResult = { state: 'ok'; output: string } | { state: 'failed'; reason: string }

/**
 * Runs a program until it ends or its time is up. Returns the end of its output, both streams, or why it
 * failed.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs, cwd, env, signal }: ProgramLimits,
): Promise<ProgramResult> {
  if (signal.aborted) return { state: 'failed', reason: 'interrupted' }
  const child = startChild(program, args, { env, ...(cwd !== undefined && { cwd }) })
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const stop = (): void => void child.stop(2000)
  deadline.addEventListener('abort', stop)
  const end = await child.ended
  deadline.removeEventListener('abort', stop)
  if (signal.aborted) return { state: 'failed', reason: 'interrupted' }
  if (deadline.aborted)
    return { state: 'failed', reason: `${program} did not end within ${timeoutMs / 1000} s` }
  if (end.state === 'exited' && end.code === 0)
    return { state: 'ok', output: [child.tail('stdout'), child.tail('stderr')].join('\n') }
  const line = findCauseLine(child.tail('stderr') || child.tail('stdout'), 200)
  return { state: 'failed', reason: `${program} ${describeEnd(end)}${line === '' ? '' : `: ${line}`}` }
}

/** What {@link readOutput} throws holds `stderr`, as text. */
export interface OutputLimits {
  timeoutMs: number
  maxBytes?: number
  cwd?: string
  env: NodeJS.ProcessEnv
  signal?: AbortSignal
}

/** Runs a short program and returns all that it wrote to its standard output; rejects when it fails. */
export async function readOutput(
  program: string,
  args: readonly string[],
  { timeoutMs, maxBytes = 2 ** 20, cwd, env, signal }: OutputLimits,
): Promise<string> {
  const { stdout } = await execute(program, args, {
    env: toChildEnvironment(env),
    timeout: timeoutMs,
    maxBuffer: maxBytes,
    ...(cwd !== undefined && { cwd }),
    ...(signal && { signal }),
  })
  return stdout
}

const execute = promisify(execFile)

/** The same for one that answers immediately; undefined when it fails. */
export function readOutputSync(
  program: string,
  args: readonly string[],
  timeoutMs: number,
): string | undefined {
  try {
    return execFileSync(program, args, {
      env: toChildEnvironment(process.env),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: timeoutMs,
    })
  } catch {
    return undefined
  }
}

/**
 * Starts a process that outlives this one: no guardian watches it. Both its streams go to the open file
 * `log`.
 */
export function startDetachedChild(
  [program = '', ...args]: readonly string[],
  { cwd, env, log }: { cwd: string; env: NodeJS.ProcessEnv; log: number },
): ChildProcess {
  return spawn(program, args, {
    cwd,
    env: toChildEnvironment(env),
    detached: true,
    stdio: ['ignore', log, log],
  })
}

/**
 * A small shell that outlives this process. While this process lives, the shell's input stays open; when this
 * process ends, even by SIGKILL, the shell reads the end of its input and ends the process groups that it
 * watches. Node has no parent-death signal, and a SIGKILL runs no handler, so another process has to do it.
 *
 * Protocol, one command a line: `+ <pgid>` watch, `- <pgid>` forget. A group is forgotten as soon as its
 * leader has been reaped, so that a reused number never gets a signal.
 */
const script = `
groups=" "
while read -r what group; do
  case $what in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
for tick in 1 2 3 4 5 6 7 8 9 10; do
  alive=
  for group in $groups; do kill -s 0 -- "-$group" 2>/dev/null && alive=1; done
  [ -z "$alive" ] && exit 0
  sleep 0.2
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
`

export interface Guardian {
  watch: (group: number) => void
  forget: (group: number) => void
}

let running: Guardian | undefined

/** The only guardian of this process, started with the first child. */
export function guardian(): Guardian {
  running ??= startGuardian()
  return running
}

function startGuardian(): Guardian {
  // In a session of its own: Ctrl-C at the terminal must not end it before it has cleaned up.
  const shell = spawn('/bin/sh', ['-c', script], {
    env: toChildEnvironment(process.env),
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  shell.on('error', () => undefined)
  shell.stdin.on('error', () => undefined)
  shell.unref()
  // The pipe must not keep the event loop alive either. It is a socket, which the stream's type does not
  // show.
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  const send = (command: '+' | '-') => (group: number) => {
    shell.stdin.write(`${command} ${group}\n`)
  }
  return { watch: send('+'), forget: send('-') }
}
