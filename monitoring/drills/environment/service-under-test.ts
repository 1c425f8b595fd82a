import { join } from 'node:path'
import {
  ServiceNotStarted,
  startPostgresExporter,
  startProcessExporter,
  startPushgateway,
} from '../../../runtime/services/index.ts'
import type { ServiceGroup } from '../../../runtime/services/index.ts'
import { startTodoService } from '../../stack/index.ts'
import { checkFaultInjection } from './fault-injection.ts'
import { frequent, startExporterProxy, compressTimestamps } from './exporter-proxy.ts'
import type { ExporterProxy } from './exporter-proxy.ts'
import { startDatabase } from './database.ts'
import type { Database } from './database.ts'
import type { DrillEnvironmentPlan } from './environment.ts'
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

export async function startService(
  plan: DrillEnvironmentPlan,
  group: ServiceGroup,
): Promise<ServiceUnderTest> {
  const { folder, tools, signal } = plan
  const at = (name: string): { folder: string; signal: AbortSignal } => ({
    folder: join(folder, name),
    signal,
  })
  const database = await startDatabase(at('postgres'))
  if (database.state === 'failed') throw new ServiceNotStarted(database.reason)
  group.add(database.database.stop)
  const { postgres } = database
  const configurations = join(plan.monitoring, 'exporters')
  const [node, service, pushgateway, processExporter, postgresExporter] = await Promise.all([
    group.start(
      'the node exporter',
      startDrillNodeExporter(tools.node_exporter, join(folder, 'node-exporter'), signal),
    ),
    group.start(
      'the service',
      startTodoService({
        ...at('service'),
        ...plan.service,
        env: { ...plan.service.env, FAULTS_TOKEN: plan.faultsToken },
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
  const missing = await checkFaultInjection(service.url, plan.faultsToken, signal)
  if (missing !== undefined) throw new ServiceNotStarted(missing)
  const probes = await group.start(
    'the probes',
    startProbes({
      folder: join(folder, 'probes'),
      target: service.url,
      journeys: defaultProbes,
      signal,
    }),
  )
  const exporters = {
    node: await startExporterProxy(node.url, signal),
    postgres: await startExporterProxy(postgresExporter.url, signal),
    process: await startExporterProxy(processExporter.url, signal),
    probes: await startExporterProxy(probes.url, signal, frequent),
    service: await startExporterProxy(service.url, signal, frequent),
  }
  for (const one of Object.values(exporters)) group.add(one.stop)
  // Its scheduler keeps time by the wall clock, whatever clock the rules are on.
  exporters.probes.rewrite((exposition) => compressTimestamps(exposition, plan.speed, plan.now()))
  return {
    serviceUrl: service.url,
    pushgatewayUrl: pushgateway.url,
    database: database.database,
    nodeExporter: node,
    exporters,
  }
}
