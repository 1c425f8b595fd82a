import { mkdirSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { toToolEnvironment } from '../processes/index.ts'
import { startService } from './launch.ts'
import type { StartResult, ToolOptions } from './launch.ts'

export interface PrometheusOptions extends ToolOptions {
  configFile: string
  /** How long samples are kept, in Prometheus' notation; missing: longer than any rule looks back. */
  retention?: string
  /** What the links in alerts begin with; missing: its own address. */
  externalUrl?: string
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
      `--web.external-url=${options.externalUrl ?? `http://127.0.0.1:${port}`}`,
      `--web.console.templates=${join(options.folder, 'consoles')}`,
      `--web.console.libraries=${join(options.folder, 'console_libraries')}`,
      // Exemplars link a panel to a trace.
      '--enable-feature=exemplar-storage',
      // As in docker-compose.yml. A later flag would be a second one, which Prometheus refuses.
      ...(options.flags?.some((flag) => flag.startsWith('--rules.alert.resend-delay')) === true
        ? []
        : ['--rules.alert.resend-delay=10s']),
      ...(options.flags ?? []),
    ],
    env: toToolEnvironment(process.env),
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
  /** In addition to the environment of tools. */
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
    env: { ...toToolEnvironment(process.env), ...env },
    logFile: join(options.folder, `${name.toLowerCase().replaceAll(' ', '-')}.log`),
    ready,
  })
}

export interface AlertmanagerOptions extends ToolOptions {
  configFile: string
  /** What the links in notifications begin with; missing: its own address. */
  externalUrl?: string
  /** In addition to the environment of tools: SNS takes its credentials from there. */
  env?: NodeJS.ProcessEnv
  /** More flags. */
  flags?: readonly string[]
}

export async function startAlertmanager(options: AlertmanagerOptions): Promise<StartResult> {
  const data = join(options.folder, 'data')
  mkdirSync(data, { recursive: true })
  const program = await runnableAlertmanager(options.program, options.folder)
  return startService({
    name: 'Alertmanager',
    options,
    command: (port) => [
      program,
      `--config.file=${options.configFile}`,
      `--storage.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // No cluster: it does not look for peers and opens no second port to the network.
      '--cluster.listen-address=',
      `--web.external-url=${options.externalUrl ?? `http://127.0.0.1:${port}`}`,
      ...(options.flags ?? []),
    ],
    env: { ...toToolEnvironment(process.env), ...options.env },
    cwd: options.folder,
    logFile: join(options.folder, 'alertmanager.log'),
    ready: '/-/ready',
  })
}

const installedFolder = '/usr/share/prometheus/alertmanager'
/** Relative, and of the same number of bytes: the length of a string in Go is stored apart from its text. */
const relativeFolder = 'alertmanager-templates'.padStart(installedFolder.length, './')
const templates = fileURLToPath(new URL('alertmanager-templates/', import.meta.url))

/**
 * Debian builds Alertmanager to read its default templates from /usr/share. They are there only once the
 * package has been installed, which takes root; the unpacked program does not start. In that case this copies
 * it to `folder`, replaces the templates' path in the copy by a relative one, and copies the templates there.
 * The copy has to be started in `folder`.
 *
 * @returns the program to start: the copy, or `program` when it needs none
 */
export async function runnableAlertmanager(program: string, folder: string): Promise<string> {
  if (existsSync(join(installedFolder, 'default.tmpl'))) return program
  const code = await readFile(program)
  const offsets = findAll(code, installedFolder)
  if (offsets.length === 0) return program
  for (const offset of offsets) code.write(relativeFolder, offset, 'latin1')
  const target = join(folder, relativeFolder)
  await mkdir(target, { recursive: true })
  for (const file of ['default.tmpl', 'email.tmpl']) await copyFile(join(templates, file), join(target, file))
  const copy = join(folder, 'alertmanager-relocated')
  const scratch = `${copy}.${process.pid}`
  // Renamed into place, so that a copy which is still running keeps its own file.
  await writeFile(scratch, code, { mode: 0o700 })
  await rename(scratch, copy)
  return copy
}

function findAll(code: Buffer, text: string): number[] {
  const offsets: number[] = []
  for (let at = code.indexOf(text); at !== -1; at = code.indexOf(text, at + 1)) offsets.push(at)
  return offsets
}
