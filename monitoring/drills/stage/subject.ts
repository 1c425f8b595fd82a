import { join } from 'node:path'
import {
  startBackend,
  startPostgresExporter,
  startProcessExporter,
  startPushgateway,
} from '../../../runtime/services/index.ts'
import { faultsMissing } from '../faults/injected.ts'
import { often, startStandIn, withYoungerTimes } from '../faults/stand-in.ts'
import type { StandIn } from '../faults/stand-in.ts'
import { startDatabase } from './database.ts'
import type { Database } from './database.ts'
import type { StagePlan } from './index.ts'
import { NotUp, settle } from './keeping.ts'
import type { Keeping } from './keeping.ts'
import { startDrillNodeExporter } from './node-exporter.ts'
import type { DrillNodeExporter } from './node-exporter.ts'
import { everyday, startProbes } from './probes.ts'

/** What is looked at: the service with its database, probes and exporters, each behind a stand-in. */
export interface Subject {
  serviceUrl: string
  pushgatewayUrl: string
  database: Database
  nodeExporter: DrillNodeExporter
  standIns: { node: StandIn; postgres: StandIn; process: StandIn; probes: StandIn; service: StandIn }
}

export async function startSubject(plan: StagePlan, keep: Keeping): Promise<Subject> {
  const { folder, tools, signal } = plan
  const at = (name: string): { folder: string; signal: AbortSignal } => ({
    folder: join(folder, name),
    signal,
  })
  const database = await startDatabase(at('postgres'))
  if (database.state === 'failed') throw new NotUp(database.reason)
  keep.also(database.database.stop)
  const { postgres } = database
  const exporters = join(plan.monitoring, 'exporters')
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
        configFile: join(exporters, 'process-exporter.yml'),
      }),
    ),
    keep.up(
      'the PostgreSQL exporter',
      startPostgresExporter({
        ...at('postgres-exporter'),
        program: tools.postgres_exporter,
        database: postgres.monitored,
        queriesFile: join(exporters, 'postgres-queries-debian.yml'),
      }),
    ),
  ] as const
  const [node] = await Promise.all([
    startDrillNodeExporter(tools.node_exporter, join(folder, 'node-exporter'), signal),
    settle(starting),
  ])
  if (node.state === 'failed') throw new NotUp(node.reason)
  keep.also(node.exporter.stop)
  const [service, pushgateway, processExporter, postgresExporter] = await Promise.all(starting)
  const missing = await faultsMissing(service.url, plan.faultsToken, signal)
  if (missing !== undefined) throw new NotUp(missing)
  const probes = await startProbes({
    folder: join(folder, 'probes'),
    target: service.url,
    journeys: everyday,
    signal,
  })
  if (probes.state === 'failed') throw new NotUp(probes.reason)
  keep.also(probes.stop)
  const standIns = {
    node: await startStandIn(node.exporter.url, signal),
    postgres: await startStandIn(postgresExporter.url, signal),
    process: await startStandIn(processExporter.url, signal),
    probes: await startStandIn(probes.url, signal, often),
    service: await startStandIn(service.url, signal, often),
  }
  for (const one of Object.values(standIns)) keep.also(one.stop)
  // Its scheduler keeps time by the wall clock, whatever clock the rules are on.
  standIns.probes.rewrite((exposition) => withYoungerTimes(exposition, plan.speed, plan.now()))
  return {
    serviceUrl: service.url,
    pushgatewayUrl: pushgateway.url,
    database: database.database,
    nodeExporter: node.exporter,
    standIns,
  }
}
