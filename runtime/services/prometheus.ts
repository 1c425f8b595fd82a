import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startService } from './launch.ts'
import type { StartResult, ToolOptions } from './launch.ts'

export interface PrometheusOptions extends ToolOptions {
  configFile: string
  /** How long samples are kept, in Prometheus' notation; missing: longer than any rule looks back. */
  retention?: string
  /** More flags, such as `--query.lookback-delta=10s`. */
  flags?: readonly string[]
}

/** Debian's Prometheus uses system folders for its data, pages and configuration unless flags name others. */
export async function startPrometheus(options: PrometheusOptions): Promise<StartResult> {
  const data = join(options.folder, 'data')
  mkdirSync(data, { recursive: true })
  return startService({
    name: 'Prometheus',
    options,
    command: (port) => [
      options.program,
      `--config.file=${options.configFile}`,
      `--storage.tsdb.path=${data}`,
      `--storage.tsdb.retention.time=${options.retention ?? '30d'}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // The links in alerts begin with it.
      `--web.external-url=http://127.0.0.1:${port}`,
      `--web.console.templates=${join(options.folder, 'consoles')}`,
      `--web.console.libraries=${join(options.folder, 'console_libraries')}`,
      // Exemplars link a panel to a trace.
      '--enable-feature=exemplar-storage',
      ...(options.flags ?? []),
    ],
    env: {},
    cwd: options.folder,
    logFile: join(options.folder, 'prometheus.log'),
    ready: '/-/ready',
  })
}

/** Keeps the pushed groups in its folder; Debian's keeps them in /var/lib/prometheus otherwise. */
export async function startPushgateway(options: ToolOptions): Promise<StartResult> {
  return startExporter('Pushgateway', options, {
    ready: '/-/ready',
    flags: [`--persistence.file=${join(options.folder, 'pushed.data')}`, '--persistence.interval=10s'],
  })
}

export interface ExporterOptions extends ToolOptions {
  /** More flags. */
  flags?: readonly string[]
}

export async function startNodeExporter(options: ExporterOptions): Promise<StartResult> {
  return startExporter('node exporter', options, {
    // Debian's asks systemd and reads a folder of text files by default, and logs at each scrape that it
    // cannot.
    flags: ['--no-collector.systemd', '--collector.textfile.directory=', ...(options.flags ?? [])],
  })
}

export interface ProcessExporterOptions extends ToolOptions {
  /** Says which processes it groups, and the names of the groups. */
  configFile: string
}

export async function startProcessExporter(options: ProcessExporterOptions): Promise<StartResult> {
  return startExporter('process exporter', options, {
    listenFlag: '-web.listen-address',
    flags: [`-config.path=${options.configFile}`, '-threads=false', '-gather-smaps=false'],
  })
}

/** How the PostgreSQL exporter connects to its database. */
export interface MonitoredDatabase {
  /** `127.0.0.1:5432/shop?sslmode=disable` */
  uri: string
  user: string
  /** A file, because other users can see a password in a command line or an environment. */
  passwordFile: string
}

export interface PostgresExporterOptions extends ExporterOptions {
  database: MonitoredDatabase
  /** More queries, in the exporter's own format. */
  queriesFile?: string
}

export async function startPostgresExporter(options: PostgresExporterOptions): Promise<StartResult> {
  const { uri, user, passwordFile } = options.database
  return startExporter('postgres exporter', options, {
    flags: [
      ...(options.queriesFile === undefined ? [] : [`--extend.query-path=${options.queriesFile}`]),
      ...(options.flags ?? []),
    ],
    env: { DATA_SOURCE_URI: uri, DATA_SOURCE_USER: user, DATA_SOURCE_PASS_FILE: passwordFile },
  })
}

/** What differs between the programs that Prometheus scrapes. */
interface Exporter {
  flags: readonly string[]
  listenFlag?: string
  /** Its complete environment. */
  env?: NodeJS.ProcessEnv
  ready?: string
}

async function startExporter(
  name: string,
  options: ToolOptions,
  { flags, listenFlag = '--web.listen-address', env = {}, ready = '/' }: Exporter,
): Promise<StartResult> {
  return startService({
    name,
    options,
    command: (port) => [options.program, `${listenFlag}=127.0.0.1:${port}`, ...flags],
    env,
    logFile: join(options.folder, `${name.toLowerCase().replaceAll(' ', '-')}.log`),
    ready,
  })
}
