import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ensureCluster, findPrograms } from './cluster.ts'
import { claimData } from './owner.ts'

/** A PostgreSQL that ends with this process, however the process ends. */
export interface EmbeddedPostgres {
  url: string
  /** Stops PostgreSQL within about 4 s. */
  stop: () => Promise<void>
}

/**
 * Starts PostgreSQL on the data in `folder` (created if absent) on a free loopback port. If it ends by
 * itself, it is started again on the same port, and `onRestart` receives the reason.
 */
export async function startEmbeddedPostgres(
  folder: string,
  onRestart: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  const dir = resolve(folder)
  const programs = await findPrograms(dir)
  const password = await ensureCluster(dir, programs)
  const release = claimData(dir)
  try {
    const port = await findFreePort()
    const supervisor = new Supervisor(dir, createCommand(dir, port, programs), onRestart)
    await supervisor.start()
    return {
      url: `postgres://todo:${password}@127.0.0.1:${port}/postgres`,
      stop: async () => {
        await supervisor.stop()
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

function createCommand(
  dir: string,
  port: number,
  { prefix, postgres }: { prefix: readonly string[]; postgres: string },
): readonly string[] {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=64MB',
    'dynamic_shared_memory_type=mmap',
    'logging_collector=off',
  ]
  return [...prefix, postgres, '-D', dir, ...settings.flatMap((setting) => ['-c', setting])]
}

const runWithParent = fileURLToPath(new URL('run-with-parent.sh', import.meta.url))
const startLimitMs = 60_000

class Supervisor {
  readonly #dir: string
  readonly #command: readonly string[]
  readonly #onRestart: (reason: string) => void
  #child: ChildProcess | undefined
  #stopping = false

  constructor(dir: string, command: readonly string[], onRestart: (reason: string) => void) {
    this.#dir = dir
    this.#command = command
    this.#onRestart = onRestart
  }

  /** Resolves when PostgreSQL accepts connections. */
  async start(): Promise<void> {
    await endStaleServer(this.#dir)
    // In its own session: this process handles signals to its process group, such as Ctrl-C, and stops
    // PostgreSQL last.
    const child = spawn('/bin/sh', [runWithParent, ...this.#command], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    this.#child = child
    const ready = Promise.withResolvers<void>()
    let output = ''
    const fail = (problem: string): void =>
      ready.reject(new Error(`PostgreSQL on ${this.#dir} ${problem}: ${findLastError(output)}`))
    child.stdin.on('error', () => undefined)
    child.stderr.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000)
      if (output.includes('ready to accept connections')) ready.resolve()
    })
    child.once('error', ready.reject)
    child.once('exit', () => fail('did not start'))
    const timer = setTimeout(fail, startLimitMs, `was not ready within ${startLimitMs / 1000} s`)
    await ready.promise.finally(() => clearTimeout(timer))
    child.once(
      'exit',
      (code, signal) => void this.#startAgain(`it ended with ${code ?? signal ?? 'no code'}`),
    )
  }

  // Child processes may use its shared memory for a moment after it was killed, so the first attempts may
  // fail.
  async #startAgain(reason: string): Promise<void> {
    if (this.#stopping) return
    this.#onRestart(reason)
    for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 5000)) {
      await sleep(waitMs, undefined, { ref: false })
      if (this.#stopping) return
      try {
        await this.start()
        return
      } catch (error) {
        this.#onRestart(error instanceof Error ? error.message : String(error))
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.stdin?.end()
    await once(child, 'exit')
  }
}

function findLastError(output: string): string {
  const lines = output.trim().split('\n')
  const fatal = lines.filter((line) => /FATAL|PANIC|ERROR|denied|not found/.test(line))
  return (fatal.at(-1) ?? lines.at(-1) ?? '').replace(/^.*?(FATAL|PANIC|ERROR): +/, '') || 'no output'
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const staleLimitMs = 8000

/**
 * Ends a PostgreSQL on `dir` that outlived its backend, and removes the lock file of one that has ended:
 * PostgreSQL refuses to start when any process has the pid in it. The caller has the data for itself.
 */
async function endStaleServer(dir: string): Promise<void> {
  const lock = join(dir, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const deadline = performance.now() + staleLimitMs
  for (let isSignalled = false; await isServerOf(pid, dir); isSignalled = true) {
    if (performance.now() > deadline)
      throw new Error(`${dir}: in use by a PostgreSQL (process ${pid}) that does not end`)
    // Its guard is ending it already. An immediate stop loses no commit: the next start replays its log.
    if (!isSignalled) sendQuit(pid)
    await sleep(50)
  }
  await rm(lock, { force: true })
}

/** By its command line: after a restart of the machine or container, any process may have this number. */
async function isServerOf(pid: number, dir: string): Promise<boolean> {
  const args = await readArguments(pid)
  return args.some((arg) => arg.endsWith('/postgres')) && args.includes(dir)
}

async function readArguments(pid: number): Promise<string[]> {
  try {
    if (process.platform === 'linux') return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    const command = ['-o', 'command=', '-p', String(pid)]
    return execFileSync('ps', command, { encoding: 'utf8', timeout: 5000 }).trim().split(' ')
  } catch {
    return []
  }
}

function sendQuit(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    // The process has ended in the meantime.
  }
}
