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
import { databaseCpu } from '../cpu.ts'
import { sides } from '../inside/sides.ts'
import type { Side } from '../inside/sides.ts'

/** A cluster with one empty database for each side, never started: what every pair of processes gets a copy of. */
export interface DatabaseTemplate {
  /** Its data folder. */
  data: string
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

/** Creates the template in a folder that does not exist yet. Takes a second or two, once for a whole duet or bisect. */
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
 * Starts a PostgreSQL on a copy of the template, in a folder that does not exist yet: otherwise a difference in the data,
 * such as what an earlier pair left behind, would decide and not the code.
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
  const databaseOf = (side: Side): SideDatabase => ({
    url: `postgres://${user}:${password}@127.0.0.1:${service.port}/${side}`,
    cpuMs: server === undefined ? () => undefined : databaseCpu(server, user, side),
  })
  return {
    state: 'ok',
    databases: {
      of: { baseline: databaseOf('baseline'), candidate: databaseOf('candidate') },
      stop: async () => {
        await service.stop()
        await endStaleServer(data)
        await rm(folder, { recursive: true, force: true })
      },
    },
  }
}

/** The pid of the server itself: the process that was started may be the command that runs it as another user. */
async function readServerPid(data: string): Promise<number | undefined> {
  const pid = Number.parseInt(await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => ''), 10)
  return Number.isInteger(pid) ? pid : undefined
}

/**
 * Neither flushes to the disk nor background work belongs to one side: a vacuum of one database during a duet would look
 * like an effect of the code.
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
