import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { metrics as runMetrics, runHistograms } from '../../../reports/prometheus/index.ts'
import {
  startAlertmanager,
  startNodeExporter,
  startProcessExporter,
  startPrometheus,
  startPushgateway,
} from '../../../runtime/services/index.ts'
import { parseExposition } from '../../../runtime/target/index.ts'
import type { StartResult } from '../../../runtime/services/index.ts'
import { counters, gauges, histograms, schedulerGauges } from '../../../synthetics/metrics/index.ts'
import { requireTool } from '../../../runtime/tools/index.ts'
import { rulesFolder } from '../rules.ts'

/**
 * Of the PostgreSQL exporter, which shows them only of a database; the dashboards' test asks for them on a
 * live one.
 */
const ofPostgres = [
  'pg_up',
  'pg_stat_activity_count',
  'pg_settings_max_connections',
  'pg_stat_activity_max_tx_duration',
  'pg_locks_count',
  'pg_database_size_bytes',
]
/** Written by Prometheus itself, or pushed by a drill or by the operator who plans maintenance. */
const others = [
  'up',
  'scrape_duration_seconds',
  'ALERTS',
  'vigil_drill_last_success_timestamp_seconds',
  'maintenance_window_start_timestamp_seconds',
  'maintenance_window_end_timestamp_seconds',
]

/**
 * Every metric that something of the stack exposes: read from the code of what is ours, and asked of the
 * tools themselves.
 */
export async function knownMetrics(
  scratch: string,
  recorded: readonly string[],
): Promise<ReadonlySet<string>> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const tools = await namesOfTools(scratch)
  const own = [
    ...namesOfBackend(),
    ...registry.getMetricsAsArray().map(({ name }) => name),
    ...Object.keys({
      ...gauges,
      ...counters,
      ...histograms,
      ...schedulerGauges,
      ...runMetrics,
      ...runHistograms,
    }),
  ]
  return new Set([
    ...own.flatMap((name) => [name, ...['_bucket', '_sum', '_count'].map((suffix) => name + suffix)]),
    ...tools,
    ...recorded,
    ...ofPostgres,
    ...others,
  ])
}

// The backend is never imported. Its metrics are declared as `name: '…'` next to their help, or by `counter`,
// `gauge`, `histogram` and `createGauge`, which take the name first.
const declaration =
  /(?:\bname: '([a-z_]+)',\s+help:|\b(?:counter|gauge|histogram|createGauge)\(\s*(?:shared,\s*)?'([a-z_]+)')/g

function namesOfBackend(): string[] {
  const folder = join(rulesFolder, '../../backend/observability')
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  return sources.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(declaration)].map(
      ([, named, first]) => named ?? first ?? '',
    ),
  )
}

async function namesOfTools(scratch: string): Promise<string[]> {
  mkdirSync(scratch, { recursive: true })
  const file = (name: string, text: string): string => {
    writeFileSync(join(scratch, name), text)
    return join(scratch, name)
  }
  const options = async (tool: Parameters<typeof requireTool>[0]) => ({
    program: await requireTool(tool),
    folder: join(scratch, tool),
  })
  const started = await Promise.all([
    startNodeExporter(await options('node_exporter')),
    startProcessExporter({
      ...(await options('process-exporter')),
      configFile: file('processes.yml', 'process_names: [{name: "{{.Comm}}", cmdline: [".+"]}]\n'),
    }),
    startPushgateway(await options('pushgateway')),
    startPrometheus({
      ...(await options('prometheus')),
      configFile: file(
        'prometheus.yml',
        'rule_files: ' +
          `[${file('one.yml', 'groups: [{name: one, rules: [{record: one, expr: vector(1)}]}]\n')}]\n`,
      ),
    }),
    startAlertmanager({
      ...(await options('alertmanager')),
      configFile: file('alertmanager.yml', 'route: {receiver: none}\nreceivers: [{name: none}]\n'),
    }),
  ])
  try {
    return (await Promise.all(started.map(namesAt))).flat()
  } finally {
    await Promise.all(started.map(async (each) => (each.state === 'ok' ? each.service.stop() : undefined)))
  }
}

async function namesAt(started: StartResult): Promise<string[]> {
  if (started.state === 'failed') throw new Error(started.reason)
  const { url } = started.service
  // The Pushgateway has times of pushes once there was one; to other services this is an error that changes
  // nothing.
  await (await fetch(`${url}/metrics/job/vigil`, { method: 'PUT', body: 'vigil_run_info 1\n' })).arrayBuffer()
  return parseExposition(await (await fetch(`${url}/metrics`)).text()).map(({ name }) => name)
}
