import { randomBytes } from 'node:crypto'
import { chown, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { endLeftover } from '../../../runtime/postgres/leftover.ts'
import { findPostgres } from '../../../runtime/postgres/programs.ts'
import type { PostgresPrograms } from '../../../runtime/postgres/programs.ts'
import { launch } from '../../../runtime/services/service.ts'
import { runProgram } from '../../../runtime/processes/index.ts'
import { databaseCpu } from '../cpu.ts'
import { sides } from '../inside/sides.ts'
import type { Side } from '../inside/sides.ts'

/** A cluster with one empty database for each side, never started: what every pair of processes gets a copy of. */
export interface DatabaseTemplate {
  folder: string
  programs: PostgresPrograms
  password: string
}

export type DatabaseTemplateResult =
  | { state: 'ok'; template: DatabaseTemplate }
  | { state: 'failed'; reason: string }

/** What a side is given of a PostgreSQL. */
export interface SideDatabase {
  url: string
  /** CPU time that PostgreSQL used for it so far. */
  cpuMs: () => number | undefined
}

/** A PostgreSQL at work with a database for each side. */
export interface PairDatabases {
  of: Record<Side, SideDatabase>
  stop: () => Promise<void>
}

const user = 'vigil'
const limitMs = 60_000

/** Makes the template in a folder that does not exist yet. Takes a second or two, once for a whole duet or bisect. */
export async function createDatabaseTemplate(
  folder: string,
  signal: AbortSignal,
): Promise<DatabaseTemplateResult> {
  const programs = await findPostgres()
  const password = randomBytes(18).toString('base64url')
  const [data, passwordFile, sql] = [join(folder, 'data'), join(folder, 'password'), join(folder, 'make.sql')]
  await mkdir(data, { recursive: true, mode: 0o711 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  // In single-user mode with -j, a statement ends where a line is empty.
  await writeFile(sql, sides.map((side) => `CREATE DATABASE ${side};\n\n`).join(''), { mode: 0o600 })
  if (programs.owner)
    for (const path of [folder, data, passwordFile, sql])
      await chown(path, programs.owner.uid, programs.owner.gid)
  const initdb = [
    programs.initdb,
    '--pgdata',
    data,
    '--username',
    user,
    '--pwfile',
    passwordFile,
    '--auth',
    'scram-sha-256',
    '--encoding',
    'UTF8',
    '--locale',
    'C',
    '--no-sync',
    '--no-instructions',
  ]
  const single = [
    '/bin/sh',
    '-c',
    'exec "$@" < "$0"',
    sql,
    ...programs.as,
    programs.postgres,
    '--single',
    '-j',
    '-D',
    data,
    'postgres',
  ]
  for (const command of [[...programs.as, ...initdb], single]) {
    const [program = '', ...args] = command
    const ran = await runProgram(program, args, {
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      signal,
      timeoutMs: limitMs,
      cwd: '/',
    })
    // In single-user mode an error of a statement does not make it fail.
    const flaw = ran.state === 'failed' ? ran.reason : /(?:ERROR|FATAL|PANIC): .{0,200}/.exec(ran.output)?.[0]
    if (flaw !== undefined)
      return { state: 'failed', reason: `the databases of the duet could not be made: ${flaw}` }
  }
  return { state: 'ok', template: { folder: data, programs, password } }
}

/**
 * Starts a PostgreSQL on a copy of the template, in a folder that does not exist yet: data that one side has more of would
 * decide, not the code, and so would what an earlier pair left behind.
 *
 * @param folder its data and log; removed when it has stopped
 */
export async function startDatabases(
  { folder: template, programs, password }: DatabaseTemplate,
  folder: string,
  signal: AbortSignal,
): Promise<{ state: 'up'; databases: PairDatabases } | { state: 'failed'; reason: string }> {
  const data = join(folder, 'data')
  await mkdir(folder, { recursive: true, mode: 0o711 })
  await cp(template, data, { recursive: true, preserveTimestamps: true })
  if (programs.owner) await giveAll(folder, programs.owner, signal)
  const started = await launch({
    name: 'PostgreSQL',
    options: { folder, signal },
    command: (port) => [
      ...programs.as,
      programs.postgres,
      '-D',
      data,
      ...settings(port).flatMap((setting) => ['-c', setting]),
    ],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    cwd: '/',
    logFile: join(folder, 'postgres.log'),
    // Its log is a new one for each start.
    ready: (child) => child.tail('stderr').includes('ready to accept connections'),
    // SIGTERM would wait for its clients to leave.
    stopSignal: 'SIGINT',
  })
  if (started.state === 'failed') return started
  const { service } = started
  const server = await serverOf(data)
  const databaseOf = (side: Side): SideDatabase => ({
    url: `postgres://${user}:${password}@127.0.0.1:${service.port}/${side}`,
    cpuMs: server === undefined ? () => undefined : databaseCpu(server, user, side),
  })
  return {
    state: 'up',
    databases: {
      of: { baseline: databaseOf('baseline'), candidate: databaseOf('candidate') },
      stop: async () => {
        await service.stop()
        await endLeftover(data)
        await rm(folder, { recursive: true, force: true })
      },
    },
  }
}

/** The process that others are started by; the one that we have started may only have become its owner and begun it. */
async function serverOf(data: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => ''), 10)
  return Number.isInteger(pid) ? pid : undefined
}

/**
 * Neither the disk's flushes nor what PostgreSQL does now and then belong to one side: a vacuum of one database in the
 * middle of a duet would be taken for the code's doing.
 */
function settings(port: number): string[] {
  const likeness = [
    'autovacuum=off',
    'checkpoint_timeout=1h',
    'max_wal_size=4GB',
    'fsync=off',
    'full_page_writes=off',
  ]
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=128MB',
    'dynamic_shared_memory_type=mmap',
    'logging_collector=off',
    ...likeness,
  ]
}

async function giveAll(
  folder: string,
  owner: { uid: number; gid: number },
  signal: AbortSignal,
): Promise<void> {
  await runProgram('chown', ['-R', `${owner.uid}:${owner.gid}`, folder], {
    env: { PATH: process.env['PATH'] },
    signal,
    timeoutMs: limitMs,
  })
  await runProgram('chmod', ['0700', join(folder, 'data')], {
    env: { PATH: process.env['PATH'] },
    signal,
    timeoutMs: limitMs,
  })
}
