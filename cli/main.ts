import { exitCodes } from './exit-codes.ts'
import { runProgram } from './program.ts'
import type { World } from './shared/world.ts'

// Set by ./vigil for this process, not for what it starts.
if (process.env['VIGIL_OWNS_COMPILE_CACHE']) {
  delete process.env['VIGIL_OWNS_COMPILE_CACHE']
  delete process.env['NODE_COMPILE_CACHE']
}

const interruption = new AbortController()

function interrupt(signal: NodeJS.Signals): void {
  // The second signal ends vigil immediately; the guardian of what it started ends that.
  if (interruption.signal.aborted) leave(codeOf(signal))
  interruption.abort(signal)
}

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
// A terminal that is closed, a connection to it that is lost.
process.on('SIGHUP', interrupt)
// npx and npm start a shell in between, and SIGTERM ends only that shell (dash does not replace itself by the
// program). vigil would go on and keep its lock.
if (process.env['npm_command'] !== undefined) {
  // What vigil starts has another parent, and some of it outlives vigil: the stack of `vigil up --detach`.
  delete process.env['npm_command']
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    interrupt('SIGTERM')
  }, 500)
  watch.unref()
}
// `vigil … | head` closes our output early; that is no reason to fail.
process.stdout.on('error', () => undefined)
process.stderr.on('error', () => undefined)

const stdoutIsTerminal = process.stdout.isTTY
const world: World = {
  cwd: process.cwd(),
  env: process.env,
  pid: process.pid,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  terminal: {
    stdoutIsTerminal,
    stderrIsTerminal: process.stderr.isTTY,
    width: process.stdout.columns || Number(process.env['COLUMNS']) || 80,
    color: stdoutIsTerminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  },
  ...(process.stdin.isTTY && stdoutIsTerminal && { ask }),
  now: Date.now,
  random: Math.random,
  interrupted: interruption.signal,
}

const code = await runProgram(process.argv.slice(2), world)
await Promise.all([written(process.stdout), written(process.stderr)])
leave(interruption.signal.aborted ? codeOf(interruption.signal.reason) : code)

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // The terminal is in raw mode meanwhile: Ctrl-C is a key.
  terminal.once('SIGINT', () => interrupt('SIGINT'))
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('n')))
  const answer = terminal.question(question, { signal: interruption.signal }).catch(() => 'n')
  try {
    return await Promise.race([answer, closed])
  } finally {
    terminal.close()
  }
}

function codeOf(signal: unknown): number {
  if (signal === 'SIGHUP') return exitCodes.hungUp.code
  return signal === 'SIGTERM' ? exitCodes.terminated.code : exitCodes.interrupted.code
}

/**
 * A pipe takes 64 KiB; the rest waits for its reader and would be lost by an exit. An error counts as
 * written.
 */
async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()))
}

// The one place that exits.
function leave(exitCode: number): never {
  // A keep-alive socket to the target must not delay the exit.
  // oxlint-disable-next-line unicorn/no-process-exit, node/no-process-exit -- see above
  process.exit(exitCode)
}
