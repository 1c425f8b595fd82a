import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildEnd } from '../../../runtime/processes/index.ts'
import type { PostgresService } from '../../../runtime/postgres/index.ts'
import {
  ServiceNotStarted,
  startPostgresExporter,
  startProcessExporter,
  startPushgateway,
  startService,
} from '../../../runtime/services/index.ts'
import type { Service, ServiceGroup, StartResult } from '../../../runtime/services/index.ts'
import { startTodoDatabase, startTodoService } from '../../stack/index.ts'
import { compressTimestamps, frequent, startExporterProxy } from './exporter-proxy.ts'
import type { ExporterProxy } from './exporter-proxy.ts'
import { startDrillNodeExporter } from './node-exporter.ts'
import type { DrillNodeExporter } from './node-exporter.ts'
import { callApi } from '../observation/apis.ts'

type ServiceTool = 'pushgateway' | 'node_exporter' | 'postgres_exporter' | 'process-exporter'

export interface ServicePlan {
  tools: Readonly<Record<ServiceTool, string>>
  /** The folder `monitoring/`. */
  monitoring: string
  /** The folder of the drill's own files. */
  folder: string
  speed: number
  /** How to start the service. It gets its port, its database, and the token of its faults. */
  service: { command: readonly string[]; cwd: string; env: NodeJS.ProcessEnv; ready: string }
  faultsToken: string
  /** Wall clock. */
  now: () => number
  signal: AbortSignal
}

/** A part that a drill can stop and start again, with the same address and data. */
export interface Stoppable {
  stop: () => Promise<void>
  start: () => Promise<void>
}

/** The service with its database, probes and exporters. Prometheus scrapes them through proxies. */
export interface ServiceUnderTest {
  serviceUrl: string
  pushgatewayUrl: string
  database: Stoppable & { service: PostgresService }
  api: Stoppable
  nodeExporter: DrillNodeExporter
  exporters: Record<'node' | 'postgres' | 'process' | 'probes' | 'service', ExporterProxy>
}

export async function startServiceUnderTest(
  plan: ServicePlan,
  group: ServiceGroup,
): Promise<ServiceUnderTest> {
  const { folder, signal } = plan
  const database = await startStoppable('the database', group, async (port) =>
    startTodoDatabase({ folder: join(folder, 'postgres'), ...(port === undefined ? { signal } : { port }) }),
  )
  const programs = await startPrograms(plan, database.service, group)
  const { node, api, pushgateway } = programs
  const { service } = api
  const problem = await checkFaultInjection(service.url, plan.faultsToken, signal)
  if (problem !== undefined) throw new ServiceNotStarted(problem)
  const probes = await group.start(
    'the probes',
    startProbes({ folder: join(folder, 'probes'), target: service.url, journeys: defaultProbes, signal }),
  )
  const exporters = {
    node: await startExporterProxy(node.url, signal),
    postgres: await startExporterProxy(programs.postgresExporter.url, signal),
    process: await startExporterProxy(programs.processExporter.url, signal),
    probes: await startExporterProxy(probes.url, signal, frequent),
    service: await startExporterProxy(service.url, signal, frequent),
  }
  for (const proxy of Object.values(exporters)) group.add(proxy.stop)
  // The scheduler of the probes uses the wall clock.
  exporters.probes.rewrite((exposition) => compressTimestamps(exposition, plan.speed, plan.now()))
  return {
    serviceUrl: service.url,
    pushgatewayUrl: pushgateway.url,
    database,
    api,
    nodeExporter: node,
    exporters,
  }
}

/** Starts the service, the Pushgateway and the exporters at the same time. */
async function startPrograms(
  { folder, monitoring, tools, signal, service: command, faultsToken }: ServicePlan,
  postgres: PostgresService,
  group: ServiceGroup,
) {
  const at = (name: string): { folder: string; signal: AbortSignal } => ({
    folder: join(folder, name),
    signal,
  })
  const configurations = join(monitoring, 'exporters')
  const [node, api, pushgateway, processExporter, postgresExporter] = await Promise.all([
    group.start(
      'the node exporter',
      startDrillNodeExporter(tools.node_exporter, join(folder, 'node-exporter'), signal),
    ),
    startStoppable('the service', group, async (port) =>
      startTodoService({
        ...at('service'),
        ...command,
        ...(port !== undefined && { port }),
        // With a secret of its own, the logins stay valid when it is started again.
        env: { AUTH_SECRET: `logins ${faultsToken}`, ...command.env, FAULTS_TOKEN: faultsToken },
        databaseUrl: postgres.databaseUrl,
      }),
    ),
    group.start('the Pushgateway', startPushgateway({ ...at('pushgateway'), program: tools.pushgateway })),
    group.start(
      'the process exporter',
      startProcessExporter({
        ...at('process-exporter'),
        program: tools['process-exporter'],
        configFile: join(configurations, 'process-exporter.yml'),
      }),
    ),
    group.start(
      'the PostgreSQL exporter',
      startPostgresExporter({
        ...at('postgres-exporter'),
        program: tools.postgres_exporter,
        database: postgres.monitored,
        queriesFile: join(configurations, 'postgres-queries-debian.yml'),
      }),
    ),
  ])
  return { node, api, pushgateway, processExporter, postgresExporter }
}

/** Starts a part that ends with the group. Only an end that no drill caused is unexpected. */
async function startStoppable<S extends Service>(
  name: string,
  group: ServiceGroup,
  startAt: (port: number | undefined) => Promise<StartResult<S>>,
): Promise<Stoppable & { service: S }> {
  let running: S | undefined
  const launch = async (port?: number): Promise<StartResult<S>> => {
    const started = await startAt(port)
    if (started.state === 'failed') return started
    const { service } = started
    running = service
    // Pending for ever when a drill stops the part.
    const ended = service.ended.then(async (end) =>
      running === service ? end : new Promise<typeof end>(() => undefined),
    )
    return { state: 'ok', service: { ...service, ended, stop } }
  }
  const stop = async (): Promise<ChildEnd> => {
    const stopped = running
    running = undefined
    return (await stopped?.stop()) ?? { state: 'exited', code: 0 }
  }
  const service = await group.start(name, launch())
  const start = async (): Promise<void> => {
    const restarted = await launch(service.port)
    if (restarted.state === 'failed') throw new Error(`${name} did not start again: ${restarted.reason}`)
  }
  return { service, stop: async () => void (await stop()), start }
}

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Production's probes, at intervals that fit the faster clock and that this machine can sustain. */
const defaultProbes: Readonly<Record<string, string>> = {
  health: '1s',
  ready: '1s',
  'auth-flow': '5s',
  'task-crud': '4s',
}

interface ProbesPlan {
  folder: string
  target: string
  /** The interval of each journey. */
  journeys: Readonly<Record<string, string>>
  signal: AbortSignal
}

/** Starts `vigil probe --every` against the service, with the metrics that Prometheus scrapes. */
export async function startProbes(plan: ProbesPlan): Promise<StartResult> {
  mkdirSync(plan.folder, { recursive: true })
  const config = {
    target: { url: plan.target, ready: '/health/ready' },
    journeys: join(root, 'journeys', 'todo', 'journeys.ts'),
    probes: Object.fromEntries(
      Object.entries(plan.journeys).map(([journey, interval]) => [
        journey,
        { journey, every: interval, timeoutMs: 5000, attempts: 1 },
      ]),
    ),
    suites: {},
  }
  const file = join(plan.folder, 'vigil.config.mjs')
  writeFileSync(file, `export default ${JSON.stringify(config)}\n`)
  const main = join(root, 'cli', 'main.ts')
  const args = ['probe', '--every', '--config', file, '--out', plan.folder, '--quiet']
  return startService({
    name: 'the probes',
    options: { folder: plan.folder, signal: plan.signal, timeoutMs: 20_000 },
    command: (port) => [process.execPath, main, ...args, '--metrics-port', String(port)],
    cwd: plan.folder,
    env: { PATH: process.env['PATH'] },
    logFile: join(plan.folder, 'probes.log'),
    ready: '/metrics',
  })
}

/** A rule of the service's own fault injection (`PUT /_faults`). The service validates it. */
export type FaultRule = Readonly<Record<string, string | number | boolean>>

/** Switches the service's faults. Several drills have their own rules; the service gets the union. */
export interface FaultInjection {
  /**
   * Adds rules to those of other drills. Returns how to remove them. Throws when the service rejects them.
   */
  add: (rules: readonly FaultRule[]) => Promise<() => Promise<void>>
  /** Removes all rules. */
  clear: () => Promise<void>
}

/** Faults expire after this time, in case our process is killed. Each change restarts the time. */
const ttlSeconds = 180

export function createFaultInjection(url: string, token: string, signal: AbortSignal): FaultInjection {
  const active = new Set<readonly FaultRule[]>()
  let last: Promise<string | undefined> = Promise.resolve(undefined)
  const headers = { authorization: `Bearer ${token}` }
  const putRules = async (): Promise<string | undefined> => {
    const json = { rules: [...active].flat(), ttlSeconds }
    const response = await callApi(url, { method: 'PUT', path: '/_faults', headers, json }, signal)
    if (response.state === 'unavailable')
      return `the service's faults could not be changed: ${response.reason}`
    return response.status < 300
      ? undefined
      : `the service rejected a fault: ${response.status} ${response.text.slice(0, 300)}`
  }
  // One after the other: each request has all rules, and an older request must not arrive last.
  const update = async (): Promise<string | undefined> => {
    last = last.then(putRules)
    return last
  }
  return {
    add: async (rules) => {
      active.add(rules)
      const problem = await update()
      if (problem !== undefined) {
        active.delete(rules)
        throw new Error(problem)
      }
      return async () => {
        active.delete(rules)
        await update()
      }
    },
    clear: async () => {
      active.clear()
      await last
      // With its own signal: an interrupted run clears the faults, too.
      await callApi(url, { method: 'DELETE', path: '/_faults', headers }, AbortSignal.timeout(2000))
    },
  }
}

/** Why the service has no fault injection. Undefined when it has. */
export async function checkFaultInjection(
  url: string,
  token: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await callApi(url, { path: '/_faults', headers }, signal)
  if (response.state === 'unavailable') return `the service at ${url}: ${response.reason}`
  if (response.status === 200) return undefined
  return (
    `the service at ${url} has no fault injection (GET /_faults returned ${response.status}): ` +
    'start it with FAULTS_TOKEN, which it rejects with NODE_ENV=production'
  )
}
