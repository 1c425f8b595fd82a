import { join } from 'node:path'
import { startPostgres } from '../../runtime/postgres/index.ts'
import type { PostgresService } from '../../runtime/postgres/index.ts'
import { startService } from '../../runtime/services/index.ts'
import type { ServiceOptions, StartResult } from '../../runtime/services/index.ts'

export interface TodoServiceOptions extends ServiceOptions {
  /** The config's `target.command`; it gets its port in `PORT` and its database in `DATABASE_URL`. */
  command: readonly string[]
  cwd: string
  /** The rest of its environment. */
  env: NodeJS.ProcessEnv
  databaseUrl?: string
  /** The config's `target.ready`. */
  ready?: string
}

/** Starts the todo API, the way the config starts it. */
export async function startTodoService(options: TodoServiceOptions): Promise<StartResult> {
  return startService({
    name: 'backend',
    options,
    command: () => options.command,
    env: (port) => ({
      ...options.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
    }),
    cwd: options.cwd,
    logFile: join(options.folder, 'backend.log'),
    ready: options.ready ?? '/',
  })
}

/** Starts a PostgreSQL with the todo API's database and a role for the exporter, on the data in `folder/data`. */
export async function startTodoDatabase(options: ServiceOptions): Promise<StartResult<PostgresService>> {
  return startPostgres({ ...options, names: { database: 'todo', owner: 'todo', monitor: 'monitor' } })
}
