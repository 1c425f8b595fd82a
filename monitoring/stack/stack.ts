import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres } from '../../runtime/postgres/index.ts'
import type { PostgresService } from '../../runtime/postgres/index.ts'
import {
  startAlertmanager,
  startNodeExporter,
  startPostgresExporter,
  startProcessExporter,
  startPrometheus,
  startPushgateway,
  startService,
} from '../../runtime/services/index.ts'
import type { ServiceOptions, StartResult } from '../../runtime/services/index.ts'
import { placeOnPort } from '../../runtime/target/index.ts'
import {
  configureAlertmanager,
  configurePrometheus,
  readNotifiedNames,
  readScrapeSeconds,
  readRuleLinks,
} from './configure.ts'
import { StackParts, StackStartError } from './parts.ts'
import type { Component, ComponentName, StackPlan } from './plan.ts'
import { startReceiver } from './console.ts'

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
  const place = (port: number): Pick<TodoServiceOptions, 'command' | 'env'> =>
    placeOnPort({
      url: `http://127.0.0.1:${port}`,
      command: options.command,
      env: {
        ...options.env,
        HOST: '127.0.0.1',
        PORT: String(port),
        ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
      },
    })
  return startService({
    name: 'backend',
    options,
    command: (port) => place(port).command,
    env: (port) => place(port).env,
    cwd: options.cwd,
    logFile: join(options.folder, 'backend.log'),
    ready: options.ready ?? '/',
  })
}

/**
 * Starts a PostgreSQL with the todo API's database and a role for the exporter, on the data in `folder/data`.
 */
export async function startTodoDatabase(options: ServiceOptions): Promise<StartResult<PostgresService>> {
  return startPostgres({ ...options, names: { database: 'todo', owner: 'todo', monitor: 'monitor' } })
}

export interface Stack {
  components: readonly Component[]
  prometheusUrl: string
  /** The number of targets that Prometheus has. */
  targetCount: number
  /** Ends everything, each part within 10 s. */
  stop: () => Promise<void>
}

/** `invalid`: a file that it is made from; `failed`: a part did not start. */
export type StackResult = { state: 'ok'; stack: Stack } | { state: 'invalid' | 'failed'; reason: string }

/** Starts every part after those that it uses. A failure leaves nothing running. */
export async function startStack(plan: StackPlan): Promise<StackResult> {
  const parts = new StackParts(plan)
  try {
    return { state: 'ok', stack: await startParts(plan, parts) }
  } catch (error) {
    await parts.stop()
    if (error instanceof StackStartError) return { state: error.state, reason: error.message }
    throw error
  }
}

async function startParts(plan: StackPlan, parts: StackParts): Promise<Stack> {
  const { folder, production, tools } = plan
  const isWanted = (name: ComponentName): boolean => plan.parts?.has(name) ?? true
  await mkdir(folder, { recursive: true })
  const [database, pageUrl] = await Promise.all([
    isWanted('postgres') ? parts.start('postgres', startTodoDatabase) : undefined,
    startNotifications(plan, parts),
    parts.start('pushgateway', async (options) =>
      startPushgateway({ ...options, program: tools.pushgateway }),
    ),
    ...startMachineExporters(plan, parts, isWanted),
  ])
  const [backend] = await Promise.all([
    parts.start('backend', async (options) =>
      startTodoService({
        ...options,
        ...plan.target,
        ...(database && { databaseUrl: database.databaseUrl }),
      }),
    ),
    database &&
      parts.start('postgres-exporter', async (options) =>
        startPostgresExporter({
          ...options,
          program: tools.postgres_exporter,
          database: database.monitored,
          queriesFile: production.postgresQueries,
        }),
      ),
  ])
  if (isWanted('probes'))
    await parts.start('probes', async (options) => startProbes(plan, backend.url, options))
  // Prometheus scrapes itself, so its port has to be known before it is configured.
  let targetCount = 0
  const prometheus = await parts.start('prometheus', async (options) => {
    const configured = await configurePrometheus(production, {
      folder: options.folder,
      ports: { ...parts.ports, prometheus: options.port },
      interval: plan.interval,
      promtool: tools.promtool,
      pageUrl,
    })
    if (configured.state === 'invalid') throw parts.abandon('invalid', configured.reason)
    targetCount = configured.targetCount
    return startPrometheus({
      ...options,
      program: tools.prometheus,
      configFile: configured.file,
      externalUrl: pageUrl,
    })
  })
  return {
    components: parts.components,
    prometheusUrl: prometheus.url,
    targetCount,
    stop: async () => parts.stop(),
  }
}

/** What shows this machine and its processes. */
function startMachineExporters(
  { production, tools }: StackPlan,
  parts: StackParts,
  isWanted: (name: ComponentName) => boolean,
): Promise<unknown>[] {
  const node = async (): Promise<unknown> =>
    parts.start('node-exporter', async (options) =>
      startNodeExporter({ ...options, program: tools.node_exporter }),
    )
  const processes = async (): Promise<unknown> =>
    parts.start('process-exporter', async (options) =>
      startProcessExporter({
        ...options,
        program: tools['process-exporter'],
        configFile: production.processes,
      }),
    )
  return [
    ...(isWanted('node-exporter') ? [node()] : []),
    ...(isWanted('process-exporter') ? [processes()] : []),
  ]
}

/**
 * As alertmanager.yml requires: a notification that it forgets within a week would be sent again in that
 * week.
 */
const retention = '--data.retention=200h'

/** Alertmanager, after the receiver of its notifications. Returns the URL of the receiver's page. */
async function startNotifications(plan: StackPlan, parts: StackParts): Promise<string> {
  const names = await readNotifiedNames(plan.production)
  const scrapeSeconds = await readScrapeSeconds(plan.production, plan.interval)
  const links = await readRuleLinks(plan.production)
  const receiver = await parts.start('receiver', async ({ folder, port }) =>
    startReceiver({
      folder,
      port,
      names,
      now: plan.now,
      page: { ...plan.shown, ...links, scrapeSeconds, parts: () => parts.states },
      onDelivery: (delivery) => plan.onEvent({ event: 'notification', delivery }),
    }),
  )
  await parts.start('alertmanager', async (options) => {
    const configured = await configureAlertmanager(
      plan.production,
      options.folder,
      receiver.receivers,
      receiver.url,
    )
    if (configured.state === 'invalid') throw parts.abandon('invalid', configured.reason)
    return startAlertmanager({
      ...options,
      program: plan.tools.alertmanager,
      configFile: configured.file,
      externalUrl: receiver.url,
      env: receiver.env,
      flags: [retention],
    })
  })
  return receiver.url
}

async function startProbes(
  plan: StackPlan,
  targetUrl: string,
  options: ServiceOptions,
): Promise<StartResult> {
  const { cwd, env } = plan.probes(targetUrl, 0)
  return startService({
    name: 'probes',
    options,
    command: (port) => plan.probes(targetUrl, port).command,
    env,
    cwd,
    logFile: join(options.folder, 'probes.log'),
    ready: '/metrics',
  })
}
