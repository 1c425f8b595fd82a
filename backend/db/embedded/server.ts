import { spawn, execFileSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, resolve as resolvePath, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBinaries, ensureCluster, toSpawnOptions, choosePostgresUser } from './cluster.ts'
import type { Binaries, OsUser } from './cluster.ts'
import { claimData } from './owner.ts'
import { setTimeout as sleep } from 'node:timers/promises'

const runWithParent = fileURLToPath(new URL('run-with-parent.sh', import.meta.url))

/** A PostgreSQL that ends with this process, however the process ends. */
export interface EmbeddedPostgres {
  url: string
  /** Stops PostgreSQL within about 4 s. */
  stop: () => Promise<void>
}

interface Cluster {
  dir: string
  port: number
  binaries: Binaries
  identity: OsUser
}

/**
 * Starts PostgreSQL on the data in `folder` (created if absent) on a free loopback port. If it ends by
 * itself, it is started again on the same port, and `onRestart` receives the reason.
 */
export async function startEmbeddedPostgres(
  folder: string,
  onRestart: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  const dir = resolvePath(folder)
  const binaries = await findBinaries()
  await mkdir(dirname(dir), { recursive: true })
  const identity = choosePostgresUser([dirname(dir), binaries.folder])
  const password = await ensureCluster(dir, binaries, identity)
  const release = claimData(dir)
  try {
    await endStaleServer(dir)
    const cluster = { dir, port: await findFreePort(), binaries, identity }
    const supervisor = new Supervisor(cluster, onRestart)
    await supervisor.start()
    return {
      url: `postgres://todo:${password}@127.0.0.1:${cluster.port}/postgres`,
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

class Supervisor {
  readonly #cluster: Cluster
  readonly #onRestart: (reason: string) => void
  #child: ChildProcess | undefined
  #stopping = false

  constructor(cluster: Cluster, onRestart: (reason: string) => void) {
    this.#cluster = cluster
    this.#onRestart = onRestart
  }

  async start(): Promise<void> {
    const { child, ready } = spawnPostgres(this.#cluster)
    this.#child = child
    await ready
    child.once('exit', (code, signal) => {
      if (!this.#stopping) void this.#again(`it ended with ${code ?? signal ?? 'no code'}`)
    })
  }

  // Child processes may use its shared memory for a moment after it was killed, so the first attempts may
  // fail.
  async #again(reason: string): Promise<void> {
    this.#onRestart(reason)
    for (let waitMs = 500; !this.#stopping; waitMs = Math.min(waitMs * 2, 5000)) {
      await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
      if (this.#stopping) return
      try {
        await endStaleServer(this.#cluster.dir)
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
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.stdin?.end()
    await ended
  }
}

function spawnPostgres(cluster: Cluster): { child: ChildProcess; ready: Promise<void> } {
  const { dir, port, binaries, identity } = cluster
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=64MB',
    'dynamic_shared_memory_type=mmap',
    'logging_collector=off',
  ]
  const postgres = [
    ...identity.commandPrefix,
    binaries.postgres,
    '-D',
    dir,
    ...settings.flatMap((setting) => ['-c', setting]),
  ]
  // In its own session: this process handles signals to its process group, such as Ctrl-C, and stops
  // PostgreSQL last.
  const child = spawn('/bin/sh', [runWithParent, ...postgres], {
    ...toSpawnOptions(identity),
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.on('error', () => undefined)
  const ready = new Promise<void>((resolve, reject) => {
    let said = ''
    const timer = setTimeout(
      () => reject(new Error(`PostgreSQL on ${dir} was not ready within 60 s: ${lastErrorLine(said)}`)),
      60_000,
    )
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
      if (!said.includes('ready to accept connections')) return
      clearTimeout(timer)
      resolve()
    })
    child.once('error', reject)
    child.once('exit', () => {
      clearTimeout(timer)
      reject(new Error(`PostgreSQL on ${dir} did not start: ${lastErrorLine(said)}`))
    })
  })
  return { child, ready }
}

function lastErrorLine(said: string): string {
  const lines = said.trim().split('\n')
  const fatal = lines.filter((line) => /FATAL|PANIC|ERROR|denied|not found/.test(line))
  return (fatal.at(-1) ?? lines.at(-1) ?? '').replace(/^.*?(FATAL|PANIC|ERROR): +/, '') || 'no output'
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/**
 * Ends a PostgreSQL on `dir` that outlived its backend, and removes the lock file of one that has ended:
 * PostgreSQL refuses to start when any process has the pid in it. The caller has the data for itself.
 */
export async function endStaleServer(dir: string): Promise<void> {
  const lock = join(dir, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const deadline = performance.now() + 8000
  let asked = false
  while (await isServerOf(pid, dir)) {
    if (performance.now() > deadline)
      throw new Error(`${dir}: in use by a PostgreSQL (process ${pid}) that does not end`)
    // Its supervising shell is ending it already; a second fast stop does no harm.
    if (!asked) trySignal(pid, 'SIGINT')
    else if (performance.now() > deadline - 4000) trySignal(pid, 'SIGQUIT')
    asked = true
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
  if (process.platform === 'linux')
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 })
      .trim()
      .split(' ')
  } catch {
    return []
  }
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // The process has ended in the meantime.
  }
}
