import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  copyCluster,
  createCluster,
  createSecret,
  endStaleServer,
  findPostgres,
  startCluster,
} from '../../../runtime/postgres/index.ts'
import type { PostgresPrograms } from '../../../runtime/postgres/index.ts'
import { listPids, readCommandLine, readStat, readThreadsCpuMs } from '../../../runtime/processes/index.ts'
import { sides } from '../../engines/k6/k6-runtime/wire.ts'
import type { Side } from '../../engines/k6/k6-runtime/wire.ts'

/**
 * A cluster with one empty database for each side, never started: every pair of processes gets a copy of it.
 */
export interface DatabaseTemplate {
  /** Its data folder. */
  data: string
  programs: PostgresPrograms
  password: string
}

export type DatabaseTemplateResult =
  | { state: 'ok'; template: DatabaseTemplate }
  | { state: 'failed'; reason: string }

/** A side's own database. */
export interface SideDatabase {
  url: string
  /** CPU time that PostgreSQL has used for it so far. */
  cpuMs: () => number | undefined
}

/** A running PostgreSQL with a database for each side. */
export interface PairDatabases {
  of: Record<Side, SideDatabase>
  stop: () => Promise<void>
}

const user = 'vigil'

/**
 * Creates the template in a folder that does not exist yet. Takes a second or two, once for a whole duet or
 * bisect.
 */
export async function createDatabaseTemplate(
  folder: string,
  signal: AbortSignal,
): Promise<DatabaseTemplateResult> {
  const programs = await findPostgres()
  const [data, password] = [join(folder, 'data'), createSecret()]
  const problem = await createCluster({
    data,
    programs,
    superuser: { name: user, password },
    sql: [{ database: 'postgres', text: sides.map((side) => `CREATE DATABASE ${side};\n\n`).join('') }],
    signal,
  })
  return problem === undefined
    ? { state: 'ok', template: { data, programs, password } }
    : { state: 'failed', reason: `the databases of the duet could not be created: ${problem}` }
}

/**
 * Starts a PostgreSQL on a copy of the template, in a folder that does not exist yet: otherwise a difference
 * in the data, such as what an earlier pair left behind, would decide and not the code.
 *
 * @param folder its data and log; removed when it has stopped
 */
export async function startDatabases(
  { data: template, programs, password }: DatabaseTemplate,
  folder: string,
  signal: AbortSignal,
): Promise<{ state: 'ok'; databases: PairDatabases } | { state: 'failed'; reason: string }> {
  const data = join(folder, 'data')
  const problem = await copyCluster(template, data, programs, signal)
  if (problem !== undefined)
    return { state: 'failed', reason: `the databases of the duet could not be copied: ${problem}` }
  const started = await startCluster({ folder, data, programs, settings, signal })
  if (started.state === 'failed') return started
  const { service } = started
  const server = await readServerPid(data)
  const toSideDatabase = (side: Side): SideDatabase => ({
    url: `postgres://${user}:${password}@127.0.0.1:${service.port}/${side}`,
    cpuMs: server === undefined ? () => undefined : createDatabaseClock(server, user, side),
  })
  return {
    state: 'ok',
    databases: {
      of: { baseline: toSideDatabase('baseline'), candidate: toSideDatabase('candidate') },
      stop: async () => {
        await service.stop()
        await endStaleServer(data)
        await rm(folder, { recursive: true, force: true })
      },
    },
  }
}

/**
 * The pid of the server itself: the process that was started may be the command that runs it as another user.
 */
async function readServerPid(data: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => ''), 10)
  return Number.isInteger(pid) ? pid : undefined
}

/**
 * Neither flushes to the disk nor background work belongs to one side: a vacuum of one database during a duet
 * would look like an effect of the code.
 */
const settings = [
  'max_connections=200',
  'shared_buffers=128MB',
  'autovacuum=off',
  'checkpoint_timeout=1h',
  'max_wal_size=4GB',
  'fsync=off',
  'full_page_writes=off',
]

/**
 * Returns a clock of the CPU time that a PostgreSQL has used for one database, in milliseconds: the time of
 * its clients' backends since each was first seen, including backends that have ended. Backends are known by
 * their process title, `postgres: <user> <database> …` (`update_process_title`, on by default except on
 * Windows). Parallel workers and work for all databases (WAL writer, checkpoints) have no database in their
 * title and are left out. Undefined until a backend of the database was seen.
 *
 * @param server pid of the PostgreSQL whose children the backends are: others on this machine may have
 * databases with this name
 */
function createDatabaseClock(server: number, superuser: string, database: string): () => number | undefined {
  const title = `postgres: ${superuser} ${database} `
  const lastMs = new Map<number, number>()
  let sumMs = 0
  return () => {
    for (const pid of listPids()) {
      if (readStat(pid)?.parent !== server || readCommandLine(pid)[0]?.startsWith(title) !== true) continue
      const cpuMs = readThreadsCpuMs(pid)
      if (cpuMs === undefined) continue
      sumMs += Math.max(0, cpuMs - (lastMs.get(pid) ?? cpuMs))
      lastMs.set(pid, cpuMs)
    }
    return lastMs.size === 0 ? undefined : sumMs
  }
}
