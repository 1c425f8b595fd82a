import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isMap, stringify } from 'yaml'
import { readText } from '../../record/store/index.ts'
import { locateProduction } from './configure.ts'
import { components } from './plan.ts'
import type { ComponentName, Production } from './plan.ts'
import { mapsIn, readYaml, textAt } from './prometheus-config.ts'

/** What `vigil init --monitoring` wrote for a service, and what the service has to be scraped. */
export interface GeneratedMonitoring {
  rules: string
  routes: string
  /** The path of the service's own metrics; undefined: it has none. */
  metricsPath: string | undefined
  /** Whether the config has probes that run on a schedule. */
  hasProbes: boolean
}

export type GeneratedStack =
  | { state: 'ok'; production: Production; parts: ReadonlySet<ComponentName> }
  | { state: 'invalid'; reason: string }

/** Where the two files are, next to a config. */
export function locateGenerated(configFolder: string): Pick<GeneratedMonitoring, 'rules' | 'routes'> {
  const folder = join(configFolder, 'vigil', 'monitoring')
  return { rules: join(folder, 'alert_rules.yml'), routes: join(folder, 'alertmanager.yml') }
}

/**
 * Writes the configuration of a stack for a service that brings only its rules and its routes: Prometheus
 * scrapes what the rules read, and the service itself where it has metrics. A receiver that delivers nothing
 * yet gets a channel of this machine, so that its messages can be seen.
 */
export async function writeGenerated(folder: string, plan: GeneratedMonitoring): Promise<GeneratedStack> {
  const production = locateProduction(folder)
  const routes = showMessages(await readText(plan.routes), plan.routes)
  if (routes.state === 'invalid') return routes
  const files = {
    [production.prometheus]: stringify(prometheusConfig(plan)),
    [join(folder, 'prometheus', 'alert_rules.yml')]: await readText(plan.rules),
    [production.alertmanager]: routes.text,
  }
  for (const name of ['prometheus', 'alertmanager']) await mkdir(join(folder, name), { recursive: true })
  for (const [file, text] of Object.entries(files)) await writeFile(file, text, { mode: 0o600 })
  const parts = new Set<ComponentName>(['backend', 'pushgateway', 'receiver', 'alertmanager', 'prometheus'])
  if (plan.hasProbes) parts.add('probes')
  return { state: 'ok', production, parts }
}

function toJob(name: ComponentName, more: object = {}): object {
  return { job_name: name, ...more, static_configs: [{ targets: [components[name].production] }] }
}

function prometheusConfig({ metricsPath, hasProbes }: GeneratedMonitoring): object {
  return {
    global: { scrape_interval: '15s', evaluation_interval: '15s' },
    alerting: { alertmanagers: [{ static_configs: [{ targets: [components.alertmanager.production] }] }] },
    rule_files: ['alert_rules.yml'],
    scrape_configs: [
      toJob('prometheus'),
      toJob('alertmanager'),
      toJob('pushgateway', { honor_labels: true }),
      ...(hasProbes ? [toJob('probes', { honor_labels: true })] : []),
      ...(metricsPath === undefined ? [] : [toJob('backend', { metrics_path: metricsPath })]),
    ],
  }
}

/** The routes with a channel for each receiver that has nothing but its name. */
function showMessages(
  text: string,
  file: string,
): { state: 'ok'; text: string } | { state: 'invalid'; reason: string } {
  const read = readYaml(text, file)
  if (read.state === 'invalid') return read
  const root = read.document.contents
  if (!isMap(root)) return { state: 'invalid', reason: `${file}: expected a mapping` }
  for (const receiver of mapsIn(root, 'receivers')) {
    const name = textAt(receiver, 'name')?.value ?? 'receiver'
    if (receiver.items.length > 1) continue
    receiver.set('slack_configs', [
      {
        api_url_file: `/run/secrets/${name.replaceAll(/[^\w.-]/g, '-')}`,
        channel: `#${name}`,
        send_resolved: true,
        title: '{{ .Status | toUpper }}: {{ .CommonLabels.alertname }}',
        text: '{{ .CommonAnnotations.summary }}. {{ .CommonAnnotations.description }}',
      },
    ])
  }
  return { state: 'ok', text: read.document.toString({ lineWidth: 0 }) }
}
