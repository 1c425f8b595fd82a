import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  freePort,
  runnableAlertmanager,
  ServiceNotStarted,
  startAlertmanager,
  startPrometheus,
} from '../../../runtime/services/index.ts'
import type { ServiceGroup } from '../../../runtime/services/index.ts'
import { compressMs, formatDuration } from '../compression/index.ts'
import type { Receivers } from '../../receivers/index.ts'
import { writeAlertmanager, writePrometheus } from './configuration.ts'
import { writeHistory } from './history.ts'
import type { DrillEnvironmentPlan } from './environment.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

/** Hosts of production that have nothing to do with an alert of ours. */
const absent = ['grafana', 'loki', 'otel-collector', 'tempo', 'alloy']
/** Prometheus' own times, which have no place in its configuration, in milliseconds. */
const ownTimes = {
  '--query.lookback-delta': 300_000,
  '--rules.alert.for-outage-tolerance': 3_600_000,
  '--rules.alert.for-grace-period': 600_000,
  '--rules.alert.resend-delay': 60_000,
}

/** Prometheus and Alertmanager with production's configuration on the faster clock, and the receivers. */
export interface Alerting {
  prometheusUrl: string
  alertmanagerUrl: string
  sinks: Receivers
}

export async function startAlerting(
  plan: DrillEnvironmentPlan,
  subject: ServiceUnderTest,
  group: ServiceGroup,
): Promise<Alerting> {
  const { folder, tools, signal } = plan
  const configured = await writeAlertmanager(plan, plan.now)
  if (configured.state === 'refused') throw new ServiceNotStarted(configured.reason)
  const { sinks, file } = configured.value
  group.add(sinks.stop)
  const home = join(folder, 'alertmanager')
  mkdirSync(home, { recursive: true })
  const alertmanager = await group.start(
    'Alertmanager',
    startAlertmanager({
      folder: home,
      signal,
      program: await runnableAlertmanager(tools.alertmanager, home),
      configFile: file,
    }),
  )
  const prometheusUrl = await startRules(plan, subject, alertmanager.url, group)
  return { prometheusUrl, alertmanagerUrl: alertmanager.url, sinks }
}

async function startRules(
  plan: DrillEnvironmentPlan,
  { pushgatewayUrl, exporters }: ServiceUnderTest,
  alertmanagerUrl: string,
  group: ServiceGroup,
): Promise<string> {
  const home = join(plan.folder, 'prometheus')
  const port = await freePort()
  const own = `127.0.0.1:${port}`
  const addresses = {
    'backend:8000': exporters.service.address,
    'node-exporter:9100': exporters.node.address,
    'postgres-exporter:9187': exporters.postgres.address,
    'process-exporter:9256': exporters.process.address,
    'pushgateway:9091': hostOf(pushgatewayUrl),
    'vigil-probes:9464': exporters.probes.address,
    'alertmanager:9093': hostOf(alertmanagerUrl),
    'prometheus:9090': own,
    'localhost:9090': own,
  }
  const written = writePrometheus(plan, addresses, absent)
  if (written.state === 'refused') throw new ServiceNotStarted(written.reason)
  await writeHistory({
    promtool: plan.tools.promtool,
    folder: join(plan.folder, 'history'),
    data: join(home, 'data'),
    usualPerSecond: plan.usualPerSecond,
    speed: plan.speed,
    nowMs: plan.now(),
  })
  const flags = Object.entries(ownTimes).map(
    ([flag, ms]) => `${flag}=${formatDuration(compressMs(ms, plan.speed))}`,
  )
  const prometheus = await group.start(
    'Prometheus',
    startPrometheus({
      folder: home,
      signal: plan.signal,
      program: plan.tools.prometheus,
      port,
      configFile: written.value.file,
      flags,
    }),
  )
  return prometheus.url
}

function hostOf(url: string): string {
  return new URL(url).host
}
