import { join } from 'node:path'
import { launch } from './service.ts'
import type { Started, ToolOptions } from './service.ts'

/** How the exporter reaches its database. */
export interface MonitoredDatabase {
  /** `127.0.0.1:5432/todo?sslmode=disable` */
  uri: string
  user: string
  /** A file: a password in the command line or the environment is shown to others. */
  passwordFile: string
}

export interface PostgresExporterOptions extends ToolOptions {
  database: MonitoredDatabase
  /** Queries of our own (`monitoring/exporters/postgres-queries.yml`). */
  queriesFile?: string
  /** Further flags. */
  flags?: readonly string[]
}

export async function startPostgresExporter(options: PostgresExporterOptions): Promise<Started> {
  const { uri, user, passwordFile } = options.database
  return launch({
    name: 'postgres exporter',
    options,
    command: (port) => [
      options.program,
      `--web.listen-address=127.0.0.1:${port}`,
      ...(options.queriesFile === undefined ? [] : [`--extend.query-path=${options.queriesFile}`]),
      ...(options.flags ?? []),
    ],
    env: { DATA_SOURCE_URI: uri, DATA_SOURCE_USER: user, DATA_SOURCE_PASS_FILE: passwordFile },
    logFile: join(options.folder, 'postgres-exporter.log'),
    ready: '/',
  })
}
