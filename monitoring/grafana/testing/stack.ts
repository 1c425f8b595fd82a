import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild } from '../../../runtime/processes/index.ts'
import type { Child } from '../../../runtime/processes/index.ts'
import {
  freePort,
  ServiceGroup,
  startNodeExporter,
  startPostgresExporter,
  startProcessExporter,
  startPrometheus,
  startPushgateway,
} from '../../../runtime/services/index.ts'
import type { Service, StartResult } from '../../../runtime/services/index.ts'
import { startTodoDatabase, startTodoService } from '../../stack/index.ts'
import { requireTool } from '../../../runtime/tools/index.ts'
import { prometheusConfig } from './prometheus-config.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const queries = 'monitoring/exporters/postgres-queries-debian.yml'
const processNames = 'monitoring/exporters/process-exporter.yml'

export const faultsToken = 'a token for the faults of a test'
/** Requests that the authentication policy lets an address make in a minute. */
export const authLimit = 60

/** Everything that fills the dashboards, at work on free ports of this machine. */
export interface Stack {
  prometheus: string
  backend: string
  pushgateway: string
  /** Of the API's own role. */
  databaseUrl: string
  /** Runs vigil with the stack's config to its end; gives what it printed when it failed. */
  vigil: (args: readonly string[]) => Promise<{ code: number; said: string }>
  stop: () => Promise<void>
}

export interface StackOptions {
  /** Evaluates the alerts and records of production too. */
  rules?: boolean
}

/** @param folder new, for data and logs; removed by the caller */
export async function startStack(folder: string, options: StackOptions = {}): Promise<Stack> {
  const group = new ServiceGroup()
  try {
    return { ...(await startAll(folder, options, group)), stop: async () => group.stop() }
  } catch (error) {
    await group.stop()
    throw error
  }
}

async function startAll(
  folder: string,
  { rules = false }: StackOptions,
  group: ServiceGroup,
): Promise<Omit<Stack, 'stop'>> {
  const up = async <S extends Service>(starting: Promise<StartResult<S>>): Promise<S> =>
    group.start('a part of the stack', starting)
  const under = (name: string): string => join(folder, name)
  const [postgres, pushgateway, node, processes] = await Promise.all([
    up(startTodoDatabase({ folder: under('postgres') })),
    requireTool('pushgateway').then(async (program) =>
      up(startPushgateway({ folder: under('pushgateway'), program })),
    ),
    requireTool('node_exporter').then(async (program) =>
      up(startNodeExporter({ folder: under('node'), program })),
    ),
    requireTool('process-exporter').then(async (program) =>
      up(startProcessExporter({ folder: under('processes'), program, configFile: join(root, processNames) })),
    ),
  ])
  const [backend, database] = await Promise.all([
    up(
      startTodoService({
        folder: under('backend'),
        command: [process.execPath, join(root, 'backend/main.ts')],
        cwd: root,
        env: backendEnvironment(),
        databaseUrl: postgres.databaseUrl,
        ready: '/health/ready',
      }),
    ),
    requireTool('postgres_exporter').then(async (program) =>
      up(
        startPostgresExporter({
          folder: under('exporter'),
          program,
          database: postgres.monitored,
          queriesFile: join(root, queries),
        }),
      ),
    ),
  ])
  const config = vigilConfig(folder, backend.url, pushgateway.url)
  const probesPort = await freePort()
  const probes = runVigil(folder, [
    'probe',
    '--every',
    '--metrics-port',
    String(probesPort),
    '--config',
    config,
  ])
  group.add(async () => probes.stop(3000))
  const configFile = prometheusConfig(
    folder,
    {
      'todo-backend': backend.port,
      'node-exporter': node.port,
      'postgres-exporter': database.port,
      'process-exporter': processes.port,
      pushgateway: pushgateway.port,
      'vigil-probes': probesPort,
    },
    rules,
  )
  const prometheus = await requireTool('prometheus').then(async (program) =>
    up(startPrometheus({ folder: under('prometheus'), program, configFile })),
  )
  return {
    prometheus: prometheus.url,
    backend: backend.url,
    pushgateway: pushgateway.url,
    databaseUrl: postgres.databaseUrl,
    vigil: async (args) => ended(runVigil(folder, [...args, '--config', config])),
  }
}

function backendEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    FAULTS_TOKEN: faultsToken,
    // No collector listens there: spans are discarded, but requests are traced, so they have exemplars.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    RATE_LIMIT_PER_MINUTE: '100000',
    AUTH_RATE_LIMIT_PER_MINUTE: String(authLimit),
  }
}

/** This repository's own config, faster: its probes every few seconds, its steady suite for a moment. */
function vigilConfig(folder: string, url: string, pushgateway: string): string {
  const file = join(folder, 'todo.config.ts')
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    file,
    `import config from ${JSON.stringify(join(root, 'vigil.config.ts'))}
const { health, ready, 'task-crud': tasks } = config.probes
export default {
  ...config,
  target: { url: ${JSON.stringify(url)}, ready: '/health/ready', metrics: '/metrics' },
  journeys: ${JSON.stringify(join(root, 'journeys/todo/journeys.ts'))},
  probes: {
    health: { ...health, every: '2s' },
    ready: { ...ready, every: '2s' },
    'task-crud': { ...tasks, every: '3s' },
  },
  suites: {
    browse: { ...config.suites.browse, load: { ratePerSecond: 12 }, warmupSeconds: 1, durationSeconds: 4 },
  },
  gate: { probes: ['health'], suites: ['browse'] },
  pushgateway: { url: ${JSON.stringify(pushgateway)} },
}
`,
  )
  return file
}

function runVigil(folder: string, args: readonly string[]): Child {
  const env = { ...process.env, CI: '' }
  return startChild(process.execPath, [join(root, 'cli/main.ts'), ...args], {
    cwd: folder,
    env,
    outputFile: join(folder, `vigil-${args[0] ?? ''}.log`),
  })
}

async function ended(child: Child): Promise<{ code: number; said: string }> {
  const end = await child.ended
  return { code: end.state === 'exited' ? end.code : -1, said: child.tail('stdout') }
}
