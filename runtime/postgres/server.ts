import { mkdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimHolder, formatHolder, readCommandLine, readHolder } from '../processes/index.ts'
import type { HeldFile } from '../processes/index.ts'
import { startService } from '../services/index.ts'
import type { MonitoredDatabase, Service, ServiceOptions, StartResult } from '../services/index.ts'
import { createCluster, createSecret } from './cluster.ts'
import { findPostgres } from './programs.ts'
import type { PostgresPrograms } from './programs.ts'

export interface ClusterOptions extends ServiceOptions {
  /** The data folder of the cluster. */
  data: string
  programs: PostgresPrograms
  /** More settings, such as `max_connections=100`. */
  settings: readonly string[]
}

/**
 * Starts the server of a cluster on the loopback address, without a socket file. Its log is `postgres.log` in
 * the folder.
 */
export async function startCluster(options: ClusterOptions): Promise<StartResult> {
  const { data, programs, settings } = options
  const claimed = await claimData(data)
  if (claimed.state === 'failed') return claimed
  await endStaleServer(data)
  const started = await startService({
    name: 'PostgreSQL',
    options,
    command: (port) => [
      ...programs.prefix,
      programs.postgres,
      '-D',
      data,
      ...[
        `port=${port}`,
        'listen_addresses=127.0.0.1',
        'unix_socket_directories=',
        'dynamic_shared_memory_type=mmap',
        'logging_collector=off',
        ...settings,
      ].flatMap((setting) => ['-c', setting]),
    ],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    cwd: '/',
    logFile: join(options.folder, 'postgres.log'),
    // The log is a new file for each start.
    ready: (child) => child.tail('stderr').includes('ready to accept connections'),
    // On SIGTERM it waits for its clients to disconnect.
    stopSignal: 'SIGINT',
  })
  if (started.state === 'failed') {
    await claimed.held.release()
    return started
  }
  // Also where it ends by itself.
  void started.service.ended.then(async () => claimed.held.release())
  return started
}

/**
 * Notes next to a data folder which process uses it. The pid in PostgreSQL's own lock file says nothing in
 * another container: there a second server would start on the data of a running one.
 */
async function claimData(
  data: string,
): Promise<{ state: 'ok'; held: HeldFile } | Extract<StartResult, { state: 'failed' }>> {
  const file = `${data}.owner`
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const claimed = await claimHolder(file, process.pid)
    if (claimed.state === 'ok') return claimed
    if (claimed.state === 'failed') return failed(`${file} could not be created (${claimed.code})`)
    const found = await readHolder(file)
    if (found.state === 'failed') return failed(`${file} could not be read (${found.code})`)
    if (found.state === 'ok' && found.holder.isAlive && found.text !== formatHolder(process.pid))
      return failed(`${data} is in use by process ${found.holder.pid}: end it, or use another folder`)
    await rm(file, { force: true })
  }
  return failed(`${file} could not be taken: another process starts on ${data} now`)
}

/** Names in a cluster of {@link startPostgres}. */
export interface PostgresNames {
  /** The application's database. */
  database: string
  /** The role that owns it. */
  owner: string
  /** A role that can read statistics and settings, but no rows. */
  monitor: string
}

export interface PostgresOptions extends ServiceOptions {
  names: PostgresNames
}

export interface PostgresService extends Service {
  /** The application's database, as its owner; with the password. */
  databaseUrl: string
  /** The same database, as the monitoring role. */
  monitored: MonitoredDatabase
}

/** Starts a PostgreSQL with one database on the data in `folder/data`, which is created when missing. */
export async function startPostgres(options: PostgresOptions): Promise<StartResult<PostgresService>> {
  const { folder, names } = options
  mkdirSync(folder, { recursive: true })
  const programs = await findPostgres()
  const data = join(folder, 'data')
  const passwordFile = join(data, `${names.owner}.password`)
  if ((await readPassword(passwordFile)) === undefined) {
    const problem = await createCluster({ data, programs, ...describeCluster(names) })
    if (problem !== undefined) return failed(`its data folder could not be created: ${problem}`)
  }
  const password = await readPassword(passwordFile)
  if (password === undefined) return failed(`${passwordFile} is missing: remove ${data} to create it again`)
  const started = await startCluster({ ...options, data, programs, settings })
  if (started.state === 'failed') return started
  const address = `127.0.0.1:${started.service.port}/${names.database}`
  return {
    state: 'ok',
    service: {
      ...started.service,
      url: `postgres://${address}`,
      databaseUrl: `postgres://${names.owner}:${password}@${address}`,
      monitored: {
        uri: `${address}?sslmode=disable`,
        user: names.monitor,
        passwordFile: join(data, `${names.monitor}.password`),
      },
    },
  }
}

const settings = [
  'max_connections=100',
  'shared_buffers=64MB',
  // The panels of slow queries read it.
  'shared_preload_libraries=pg_stat_statements',
  'track_io_timing=on',
]

const monitorOptions = 'IN ROLE pg_monitor CONNECTION LIMIT 5'

function describeCluster({ database, owner, monitor }: PostgresNames) {
  const passwords = { owner: createSecret(), monitor: createSecret() }
  return {
    superuser: { name: 'postgres', password: createSecret() },
    sql: [
      {
        database: 'postgres',
        text: [
          `CREATE ROLE "${owner}" LOGIN PASSWORD '${passwords.owner}';`,
          `CREATE DATABASE "${database}" OWNER "${owner}";`,
          `CREATE ROLE "${monitor}" LOGIN PASSWORD '${passwords.monitor}' ${monitorOptions};`,
          '',
        ].join('\n\n'),
      },
      { database, text: 'CREATE EXTENSION pg_stat_statements;\n\n' },
    ],
    secrets: { [`${owner}.password`]: passwords.owner, [`${monitor}.password`]: passwords.monitor },
  }
}

async function readPassword(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function failed(reason: string): Extract<StartResult, { state: 'failed' }> {
  return { state: 'failed', cause: 'program', reason: `PostgreSQL: ${reason}` }
}

const staleTimeoutMs = 8000

/**
 * Ends a PostgreSQL that an earlier stack left on `data`, and removes the lock file of one that has ended:
 * PostgreSQL refuses to start when the pid in it belongs to any running process, even to another program.
 */
export async function endStaleServer(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10)
  if (!Number.isSafeInteger(pid) || pid <= 1) return
  const deadline = performance.now() + staleTimeoutMs
  for (let isSignalled = false; isServerOf(pid, data); isSignalled = true) {
    if (performance.now() > deadline)
      throw new Error(`${data} is in use by a PostgreSQL that does not end: end process ${pid}`)
    // An immediate shutdown: its clients belonged to a stack that has ended. Commits are replayed from its
    // log.
    if (!isSignalled) signalServer(pid)
    await sleep(50)
  }
  await rm(lock, { force: true })
}

function isServerOf(pid: number, data: string): boolean {
  const args = readCommandLine(pid)
  return args.some((arg) => arg.endsWith('/postgres')) && args.includes(data)
}

function signalServer(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    // It has just ended.
  }
}
