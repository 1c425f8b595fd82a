import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild, toToolEnvironment } from '../../../runtime/processes/index.ts'
import {
  freePort,
  ServiceNotStarted,
  startAlertmanager,
  startPrometheus,
} from '../../../runtime/services/index.ts'
import type { ServiceGroup } from '../../../runtime/services/index.ts'
import type { Receivers } from '../../receivers/index.ts'
import { compressMs, formatDuration } from '../compression/promql.ts'
import type { Speed } from '../compression/promql.ts'
import { writeAlertmanager, writePrometheus } from './configuration.ts'
import type { ConfigurationPlan } from './configuration.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

/** Hosts of production that no alert of the drills needs. */
const absentHosts = ['grafana', 'loki', 'otel-collector', 'tempo', 'alloy']
/**
 * Durations of Prometheus that are flags and not configuration, in milliseconds, as in docker-compose.yml.
 * Alertmanager resolves an alert that it does not get again within four times the resend delay or interval: a
 * pause of this machine of a second ends an alert on the faster clock. A longer delay is no way out: what
 * Prometheus repeats about an incident that has ended must reach each interval of a group, as in production,
 * or Alertmanager sends the next incident again and again.
 */
const durationFlags = {
  '--query.lookback-delta': 300_000,
  '--rules.alert.for-outage-tolerance': 3_600_000,
  '--rules.alert.for-grace-period': 600_000,
  '--rules.alert.resend-delay': 10_000,
}

export interface AlertingPlan extends ConfigurationPlan {
  tools: Readonly<Record<'prometheus' | 'promtool' | 'alertmanager', string>>
  /** The request rate of users that is written into Prometheus for the previous days. */
  usualPerSecond: number
  now: () => number
  signal: AbortSignal
}

/** Prometheus and Alertmanager with production's configuration on the faster clock, and the receivers. */
export interface Alerting {
  prometheusUrl: string
  alertmanagerUrl: string
  receivers: Receivers
}

export async function startAlerting(
  plan: AlertingPlan,
  service: ServiceUnderTest,
  group: ServiceGroup,
): Promise<Alerting> {
  const configured = await writeAlertmanager(plan, plan.now)
  if (configured.state !== 'ok') throw new ServiceNotStarted(configured.reason)
  const { receivers, file, env } = configured.value
  group.add(receivers.stop)
  const folder = join(plan.folder, 'alertmanager')
  mkdirSync(folder, { recursive: true })
  const alertmanager = await group.start(
    'Alertmanager',
    startAlertmanager({
      folder,
      signal: plan.signal,
      program: plan.tools.alertmanager,
      configFile: file,
      env,
    }),
  )
  const prometheusUrl = await startRules(plan, service, alertmanager.url, group)
  return { prometheusUrl, alertmanagerUrl: alertmanager.url, receivers }
}

async function startRules(
  plan: AlertingPlan,
  { pushgatewayUrl, exporters }: ServiceUnderTest,
  alertmanagerUrl: string,
  group: ServiceGroup,
): Promise<string> {
  const folder = join(plan.folder, 'prometheus')
  const port = await freePort()
  const own = `127.0.0.1:${port}`
  const addresses = {
    'backend:8000': exporters.service.address,
    'node-exporter:9100': exporters.node.address,
    'postgres-exporter:9187': exporters.postgres.address,
    'process-exporter:9256': exporters.process.address,
    'pushgateway:9091': new URL(pushgatewayUrl).host,
    'vigil-probes:9464': exporters.probes.address,
    'alertmanager:9093': new URL(alertmanagerUrl).host,
    'prometheus:9090': own,
    'localhost:9090': own,
  }
  const written = writePrometheus(plan, addresses, absentHosts)
  if (written.state !== 'ok') throw new ServiceNotStarted(written.reason)
  await writeHistory({
    promtool: plan.tools.promtool,
    folder: join(plan.folder, 'history'),
    data: join(folder, 'data'),
    usualPerSecond: plan.usualPerSecond,
    speed: plan.speed,
    nowMs: plan.now(),
  })
  const flags = Object.entries(durationFlags).map(
    ([flag, ms]) => `${flag}=${formatDuration(compressMs(ms, plan.speed))}`,
  )
  const prometheus = await group.start(
    'Prometheus',
    startPrometheus({
      folder,
      signal: plan.signal,
      program: plan.tools.prometheus,
      port,
      configFile: written.value.file,
      flags,
    }),
  )
  return prometheus.url
}

const dayMs = 86_400_000
/** A series disappears five minutes after its last sample. */
const sampleEveryMs = 2 * 60_000
const usage = 'job:user_requests:rate10m'
const weeklyUsage = 'job:user_requests:avg7d'

interface HistoryPlan {
  promtool: string
  folder: string
  /** The data folder of a Prometheus that is not running. */
  data: string
  usualPerSecond: number
  speed: Speed
  nowMs: number
}

/**
 * Writes the two weeks with which rules compare, with a constant request rate: on the drills' clock they take
 * more than
 * five hours, too long to wait for. The week before had two thirds of the rate.
 */
async function writeHistory(plan: HistoryPlan): Promise<void> {
  mkdirSync(plan.folder, { recursive: true })
  mkdirSync(plan.data, { recursive: true })
  const file = join(plan.folder, 'history.om')
  writeFileSync(file, historyText(plan))
  const end = await startChild(
    plan.promtool,
    ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, plan.data],
    { env: toToolEnvironment(process.env), cwd: plan.folder, outputFile: join(plan.folder, 'promtool.log') },
  ).ended
  if (end.state !== 'exited' || end.code !== 0)
    throw new Error('promtool could not write the history of the previous days')
}

/** OpenMetrics: the rate of the last seven days until 22 hours ago, and the weekly mean of a week ago. */
function historyText({ usualPerSecond, speed, nowMs }: HistoryPlan): string {
  const ago = (ms: number): number => nowMs - compressMs(ms, speed)
  return [
    `# TYPE ${usage} gauge`,
    ...samples(usage, usualPerSecond, ago(7.2 * dayMs), ago(0.9 * dayMs), speed),
    `# TYPE ${weeklyUsage} gauge`,
    ...samples(weeklyUsage, (usualPerSecond * 2) / 3, ago(7.2 * dayMs), ago(6.3 * dayMs), speed),
    '# EOF',
    '',
  ].join('\n')
}

function samples(name: string, value: number, fromMs: number, toMs: number, speed: Speed): string[] {
  const step = compressMs(sampleEveryMs, speed)
  return Array.from(
    { length: Math.floor((toMs - fromMs) / step) },
    (_, index) => `${name} ${value} ${((fromMs + index * step) / 1000).toFixed(3)}`,
  )
}
