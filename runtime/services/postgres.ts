import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Child } from '../processes/index.ts'
import { ensureCluster } from '../postgres/cluster.ts'
import { endLeftover } from '../postgres/leftover.ts'
import { findPostgres } from '../postgres/programs.ts'
import type { MonitoredDatabase } from './postgres-exporter.ts'
import { launch } from './service.ts'
import type { Service, ServiceOptions, Started } from './service.ts'

export interface PostgresService extends Service {
  /** The application's database, as its owner; with the password. */
  databaseUrl: string
  /** The same database as `monitor`, a role that may look at statistics and at nothing else. */
  monitored: MonitoredDatabase
}

/**
 * A PostgreSQL of the stack's own, on the data in `folder/data` (made when absent): the database `todo`, its owner, and
 * a role for the exporter. Nobody but this machine reaches it.
 */
export async function startPostgres(options: ServiceOptions): Promise<Started<PostgresService>> {
  mkdirSync(options.folder, { recursive: true })
  const programs = await findPostgres()
  const made = await ensureCluster(options.folder, programs)
  if (made.state === 'failed')
    return { state: 'failed', cause: 'program', reason: `PostgreSQL: ${made.reason}` }
  await endLeftover(made.data)
  const started = await launch({
    name: 'PostgreSQL',
    options,
    command: (port) => [
      ...programs.as,
      programs.postgres,
      '-D',
      made.data,
      ...settings(port).flatMap((setting) => ['-c', setting]),
    ],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    cwd: '/',
    logFile: join(options.folder, 'postgres.log'),
    ready: acceptsConnections,
    // SIGTERM would wait for its clients to leave.
    stopSignal: 'SIGINT',
  })
  if (started.state === 'failed') return started
  const { service } = started
  const at = `127.0.0.1:${service.port}/todo`
  return {
    state: 'up',
    service: {
      ...service,
      url: `postgres://${at}`,
      databaseUrl: `postgres://todo:${made.password}@${at}`,
      monitored: { uri: `${at}?sslmode=disable`, user: 'monitor', passwordFile: made.monitorPasswordFile },
    },
  }
}

function settings(port: number): string[] {
  return [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=100',
    'shared_buffers=64MB',
    'dynamic_shared_memory_type=mmap',
    'logging_collector=off',
    // What the slow-query panels read.
    'shared_preload_libraries=pg_stat_statements',
    'track_io_timing=on',
  ]
}

// Its log is a new one for each start.
function acceptsConnections(child: Child): boolean {
  return child.tail('stderr').includes('ready to accept connections')
}
