import { join } from 'node:path'
import {
  startBackend,
  startPostgresExporter,
  startProcessExporter,
  startPushgateway,
} from '../../../runtime/services/index.ts'
import { checkFaultInjection } from './fault-injection.ts'
import { frequent, startExporterProxy, compressTimestamps } from './exporter-proxy.ts'
import type { ExporterProxy } from './exporter-proxy.ts'
import { startDatabase } from './database.ts'
import type { Database } from './database.ts'
import type { DrillEnvironmentPlan } from './environment.ts'
import { StartError, settle } from './started.ts'
import type { Keeping } from './started.ts'
import { startDrillNodeExporter } from './node-exporter.ts'
import type { DrillNodeExporter } from './node-exporter.ts'
import { defaultProbes, startProbes } from './probes.ts'

/** What is looked at: the service with its database, probes and exporters, each behind a stand-in. */
export interface ServiceUnderTest {
  serviceUrl: string
  pushgatewayUrl: string
  database: Database
  nodeExporter: DrillNodeExporter
  exporters: {
    node: ExporterProxy
    postgres: ExporterProxy
    process: ExporterProxy
    probes: ExporterProxy
    service: ExporterProxy
  }
}

export async function startService(plan: DrillEnvironmentPlan, keep: Keeping): Promise<ServiceUnderTest> {
  const { folder, tools, signal } = plan
  const at = (name: string): { folder: string; signal: AbortSignal } => ({
    folder: join(folder, name),
    signal,
  })
  const database = await startDatabase(at('postgres'))
  if (database.state === 'failed') throw new StartError(database.reason)
  keep.also(database.database.stop)
  const { postgres } = database
  const configurations = join(plan.monitoring, 'exporters')
  const starting = [
    keep.up(
      'the service',
      startBackend({
        ...at('service'),
        ...plan.service,
        env: { ...plan.service.env, FAULTS_TOKEN: plan.faultsToken },
        databaseUrl: postgres.databaseUrl,
      }),
    ),
    keep.up('the Pushgateway', startPushgateway({ ...at('pushgateway'), program: tools.pushgateway })),
    keep.up(
      'the process exporter',
      startProcessExporter({
        ...at('process-exporter'),
        program: tools['process-exporter'],
        configFile: join(configurations, 'process-exporter.yml'),
      }),
    ),
    keep.up(
      'the PostgreSQL exporter',
      startPostgresExporter({
        ...at('postgres-exporter'),
        program: tools.postgres_exporter,
        database: postgres.monitored,
        queriesFile: join(configurations, 'postgres-queries-debian.yml'),
      }),
    ),
  ] as const
  const [node] = await Promise.all([
    startDrillNodeExporter(tools.node_exporter, join(folder, 'node-exporter'), signal),
    settle(starting),
  ])
  if (node.state === 'failed') throw new StartError(node.reason)
  keep.also(node.exporter.stop)
  const [service, pushgateway, processExporter, postgresExporter] = await Promise.all(starting)
  const missing = await checkFaultInjection(service.url, plan.faultsToken, signal)
  if (missing !== undefined) throw new StartError(missing)
  const probes = await startProbes({
    folder: join(folder, 'probes'),
    target: service.url,
    journeys: defaultProbes,
    signal,
  })
  if (probes.state === 'failed') throw new StartError(probes.reason)
  keep.also(probes.stop)
  const exporters = {
    node: await startExporterProxy(node.exporter.url, signal),
    postgres: await startExporterProxy(postgresExporter.url, signal),
    process: await startExporterProxy(processExporter.url, signal),
    probes: await startExporterProxy(probes.url, signal, frequent),
    service: await startExporterProxy(service.url, signal, frequent),
  }
  for (const one of Object.values(exporters)) keep.also(one.stop)
  // Its scheduler keeps time by the wall clock, whatever clock the rules are on.
  exporters.probes.rewrite((exposition) => compressTimestamps(exposition, plan.speed, plan.now()))
  return {
    serviceUrl: service.url,
    pushgatewayUrl: pushgateway.url,
    database: database.database,
    nodeExporter: node.exporter,
    exporters,
  }
}
