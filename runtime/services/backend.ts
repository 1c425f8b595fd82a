import { join } from 'node:path'
import { launch } from './service.ts'
import type { ServiceOptions, Started } from './service.ts'

export interface BackendOptions extends ServiceOptions {
  /** The config's `target.command`: it is told its port in `PORT` and its database in `DATABASE_URL`. */
  command: readonly string[]
  cwd: string
  /** Its whole environment besides. */
  env: NodeJS.ProcessEnv
  databaseUrl?: string
  /** The config's `target.ready`. */
  ready?: string
}

/** The service under test, as the config starts it. */
export async function startBackend(options: BackendOptions): Promise<Started> {
  return launch({
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
