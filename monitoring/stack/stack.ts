import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { configureAlertmanager, configurePrometheus, notifiedNames } from './configure.ts'
import { Crew, Unstartable } from './crew.ts'
import type { Component, StackPlan } from './plan.ts'
import type { ServiceOptions, StartResult } from '../../runtime/services/index.ts'
import { startTodoDatabase, startTodoService } from './todo-service.ts'
import {
  startAlertmanager,
  startNodeExporter,
  startPostgresExporter,
  startProcessExporter,
  startPrometheus,
  startPushgateway,
  startService,
} from '../../runtime/services/index.ts'

export interface Stack {
  components: readonly Component[]
  prometheusUrl: string
  /** How many targets Prometheus has. */
  targets: number
  /** Ends everything, each part within 10 s. */
  stop: () => Promise<void>
}

/** `wrong`: a file that it is made from; `failed`: a part did not start. */
export type StackStarted = { state: 'up'; stack: Stack } | { state: 'wrong' | 'failed'; reason: string }

/** Starts every part, those that others need first. Whatever goes wrong, nothing is left running. */
export async function startStack(plan: StackPlan): Promise<StackStarted> {
  const crew = new Crew(plan)
  try {
    return { state: 'up', stack: await assemble(plan, crew) }
  } catch (error) {
    await crew.stop()
    if (error instanceof Unstartable) return { state: error.state, reason: error.message }
    throw error
  }
}

async function assemble(plan: StackPlan, crew: Crew): Promise<Stack> {
  const { folder, production, tools } = plan
  await mkdir(folder, { recursive: true })
  const [database] = await all([
    crew.start('postgres', async (options) => startTodoDatabase(options)),
    startMessages(plan, crew),
    crew.start('pushgateway', async (options) =>
      startPushgateway({ ...options, program: tools.pushgateway }),
    ),
    crew.start('node-exporter', async (options) =>
      startNodeExporter({ ...options, program: tools.node_exporter }),
    ),
    crew.start('process-exporter', async (options) =>
      startProcessExporter({
        ...options,
        program: tools['process-exporter'],
        configFile: production.processes,
      }),
    ),
  ])
  const [backend] = await all([
    crew.start('backend', async (options) =>
      startTodoService({ ...options, ...plan.target, databaseUrl: database.databaseUrl }),
    ),
    crew.start('postgres-exporter', async (options) =>
      startPostgresExporter({
        ...options,
        program: tools.postgres_exporter,
        database: database.monitored,
        queriesFile: production.postgresQueries,
      }),
    ),
  ])
  await crew.start('probes', async (options) => startProbes(plan, backend.url, options))
  // Its own address is among its targets, so its port is known before it is configured.
  let targets = 0
  const prometheus = await crew.start('prometheus', async (options) => {
    const configured = await configurePrometheus(production, {
      folder: options.folder,
      ports: { ...crew.ports(), prometheus: options.port },
      interval: plan.interval,
      promtool: tools.promtool,
    })
    if (configured.state === 'wrong') throw crew.giveUp('wrong', configured.reason)
    targets = configured.targets
    return startPrometheus({ ...options, program: tools.prometheus, configFile: configured.file })
  })
  return {
    components: crew.components,
    prometheusUrl: prometheus.url,
    targets,
    stop: async () => crew.stop(),
  }
}

/** As alertmanager.yml asks for: what it forgets within a week it would say again before the week is over. */
const memory = '--data.retention=200h'

/** Alertmanager and those whom it tells. */
async function startMessages(plan: StackPlan, crew: Crew): Promise<void> {
  const receiver = await crew.startReceiver(await notifiedNames(plan.production))
  await crew.start('alertmanager', async (options) => {
    const configured = await configureAlertmanager(plan.production, options.folder, receiver.receivers)
    if (configured.state === 'wrong') throw crew.giveUp('wrong', configured.reason)
    return startAlertmanager({
      ...options,
      program: plan.tools.alertmanager,
      configFile: configured.file,
      env: receiver.env,
      flags: [memory],
    })
  })
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

/** Waits for all, also when one fails: what is still starting would otherwise be left over. */
async function all<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}
