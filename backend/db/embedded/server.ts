import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, resolve as resolvePath } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBinaries, ensureCluster, spawnIdentity } from './cluster.ts'
import type { Binaries } from './cluster.ts'
import { postgresIdentity } from './os-user.ts'
import type { Identity } from './os-user.ts'
import { endLeftover, ownerPath } from './stale-server.ts'

const keeper = fileURLToPath(new URL('run-with-parent.sh', import.meta.url))

/** A PostgreSQL of our own, which ends when this process does, however it ends. */
export interface EmbeddedPostgres {
  url: string
  /** Ends it within about 4 s. */
  stop(): Promise<void>
}

interface Cluster {
  dir: string
  port: number
  binaries: Binaries
  identity: Identity
}

/**
 * Starts PostgreSQL on the data in `folder` (made when absent) on a free loopback port. Should it end by itself it is
 * started again on the same port; `onRestart` is told why.
 */
export async function startEmbeddedPostgres(
  folder: string,
  onRestart: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  const dir = resolvePath(folder)
  const binaries = await findBinaries()
  await mkdir(dirname(dir), { recursive: true })
  const identity = postgresIdentity([dirname(dir), binaries.folder])
  const password = await ensureCluster(dir, binaries, identity)
  await endLeftover(dir)
  await writeFile(ownerPath(dir), String(process.pid))
  const cluster = { dir, port: await freePort(), binaries, identity }
  const supervisor = new Supervisor(cluster, onRestart)
  await supervisor.start()
  return {
    url: `postgres://todo:${password}@127.0.0.1:${cluster.port}/postgres`,
    stop: () => supervisor.stop(),
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
    const { child, ready } = launch(this.#cluster)
    this.#child = child
    await ready
    child.once('exit', (code, signal) => {
      if (!this.#stopping) void this.#again(`it ended with ${code ?? signal ?? 'no code'}`)
    })
  }

  // Its own children may hold its memory for a moment after it was killed, so the first tries may fail.
  async #again(reason: string): Promise<void> {
    this.#onRestart(reason)
    for (let waitMs = 500; !this.#stopping; waitMs = Math.min(waitMs * 2, 5000)) {
      await new Promise((resolve) => setTimeout(resolve, waitMs).unref())
      if (this.#stopping) return
      try {
        await endLeftover(this.#cluster.dir)
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

function launch(cluster: Cluster): { child: ChildProcess; ready: Promise<void> } {
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
    ...identity.prefix,
    binaries.postgres,
    '-D',
    dir,
    ...settings.flatMap((setting) => ['-c', setting]),
  ]
  // In a session of its own: a signal to our process group, such as Ctrl-C, is ours to handle, in order.
  const child = spawn('/bin/sh', [keeper, ...postgres], {
    ...spawnIdentity(identity),
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.on('error', () => undefined)
  const ready = new Promise<void>((resolve, reject) => {
    let said = ''
    const timer = setTimeout(
      () => reject(new Error(`PostgreSQL on ${dir} was not ready within 60 s: ${lastWords(said)}`)),
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
      reject(new Error(`PostgreSQL on ${dir} did not start: ${lastWords(said)}`))
    })
  })
  return { child, ready }
}

function lastWords(said: string): string {
  const lines = said.trim().split('\n')
  const fatal = lines.filter((line) => /FATAL|PANIC|ERROR|denied|not found/.test(line))
  return (fatal.at(-1) ?? lines.at(-1) ?? '').replace(/^.*?(FATAL|PANIC|ERROR): +/, '') || 'it said nothing'
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
