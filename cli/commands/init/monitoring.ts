import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { loadConfig } from '../../../config/index.ts'
import type { Config } from '../../../config/index.ts'
import { exitCodes } from '../../exit-codes.ts'
import { configNames } from '../../shared/options.ts'
import { UsageError } from '../../shared/world.ts'
import type { World } from '../../shared/world.ts'
import { describeFiles, writeNew } from './files.ts'

const rulesFile = 'vigil/monitoring/alert_rules.yml'
const routesFile = 'vigil/monitoring/alertmanager.yml'

/** Writes alert rules and an Alertmanager configuration for the probes and suites of the config. */
export async function initMonitoring(world: World): Promise<number> {
  const file = configNames.find((name) => existsSync(join(world.cwd, name)))
  if (file === undefined)
    throw new UsageError("init --monitoring: expected a config here, got none: run 'vigil init' first")
  const loaded = await loadConfig(world.cwd, file)
  if (loaded.state === 'usage-error') throw new UsageError(loaded.problem)
  const { config } = loaded.loaded
  const probes = Object.keys(config.probes ?? {})
  if (probes.length === 0 && config.pushgateway === undefined)
    throw new UsageError(`${file}: expected probes or a pushgateway to alert on, got neither`)
  const runs = config.pushgateway === undefined ? '; no runs, because the config has no pushgateway' : ''
  const about = `alerts on ${probes.length === 0 ? 'no probes' : probes.join(', ')}${runs}`
  const files = [
    await writeNew(world.cwd, rulesFile, renderRules(config), about),
    await writeNew(world.cwd, routesFile, renderRoutes(), 'sends pages and tickets; add your receivers'),
  ]
  world.stdout(`${describeFiles(files)}\n${next}`)
  return exitCodes.pass.code
}

const next = `
Next:
  1. Name your receivers in ${routesFile}, and check it: amtool check-config ${routesFile}
  2. Load ${rulesFile} with rule_files of Prometheus, and check it: promtool check rules ${rulesFile}
  3. Run 'vigil probe --every --metrics-port 9464', and scrape this port.
`

interface Rule {
  alert: string
  expr: string
  for?: string
  labels: { severity: 'critical' | 'warning' }
  annotations: { summary: string; description: string }
}

/** The alerts of a config. Names of probes and suites need no quoting: the config's schema sees to it. */
function renderRules(config: Config): string {
  const probes = Object.keys(config.probes ?? {})
  const suites = Object.keys(config.suites)
  const groups = [
    ...(probes.length === 0 ? [] : [{ name: 'vigil-probes', rules: listProbeRules(probes) }]),
    ...(config.pushgateway === undefined ? [] : [{ name: 'vigil-runs', rules: listRunRules(suites) }]),
  ]
  return `# Written by vigil init --monitoring, once: change it as you need.\n${stringify({ groups })}`
}

function listProbeRules(probes: readonly string[]): Rule[] {
  const names = `probe=~"${toPattern(probes)}"`
  // An old result says nothing about now: VigilProbeOverdue reports it.
  const current =
    'unless on (probe, environment, place, instance) ' +
    '(vigil_probe_valid_until_timestamp_seconds < time())'
  return [
    {
      alert: 'VigilProbeDown',
      expr: `vigil_probe_success{${names}} == 0 ${current}`,
      for: '1m',
      labels: { severity: 'critical' },
      annotations: {
        summary: 'Probe {{ $labels.probe }} is down',
        description: 'Users cannot do what this probe does. Run: vigil probe {{ $labels.probe }}',
      },
    },
    {
      alert: 'VigilProbeDegraded',
      expr: `vigil_probe_outcome{${names},outcome="degraded"} == 1 ${current}`,
      for: '15m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Probe {{ $labels.probe }} is slow or needs several attempts',
        description: 'It has been degraded for 15 minutes. Run: vigil uptime {{ $labels.probe }}',
      },
    },
    {
      alert: 'VigilProbeOverdue',
      expr: `vigil_probe_valid_until_timestamp_seconds{${names}} < time()`,
      for: '5m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Probe {{ $labels.probe }} does not run',
        description:
          'Its last result is too old: whether the service is up is unknown. Is the scheduler running?',
      },
    },
    {
      alert: 'VigilProbeMissing',
      expr: probes.map((name) => `absent(vigil_probe_success{probe="${name}"})`).join(' or '),
      for: '15m',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Probe {{ $labels.probe }} has no results',
        description: 'Prometheus has no series of it: does it scrape vigil, or the Pushgateway?',
      },
    },
    {
      alert: 'VigilCertificateExpires',
      expr: `vigil_probe_certificate_expiry_timestamp_seconds{${names}} - time() < 14 * 86400`,
      for: '1h',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'The certificate that probe {{ $labels.probe }} sees expires soon',
        description: 'It expires in {{ $value | humanizeDuration }}. Renew it.',
      },
    },
  ]
}

function listRunRules(suites: readonly string[]): Rule[] {
  const names = `suite=~"${toPattern(suites)}"`
  return [
    {
      alert: 'VigilRunFailed',
      expr: `vigil_run_verdict{${names},verdict="fail"} == 1`,
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Suite {{ $labels.suite }} failed',
        description: 'A budget is broken, or it is slower than its baseline. Run: vigil report',
      },
    },
    {
      alert: 'VigilRunInvalid',
      expr: `vigil_run_verdict{${names},verdict="invalid"} == 1`,
      for: '1h',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Suite {{ $labels.suite }} could not be measured',
        description: 'Its last run says nothing about the service. Run: vigil report',
      },
    },
    {
      alert: 'VigilRunOverdue',
      expr: `time() - vigil_run_started_timestamp_seconds{${names}} > 7 * 86400`,
      for: '1h',
      labels: { severity: 'warning' },
      annotations: {
        summary: 'Suite {{ $labels.suite }} has not run for a week',
        description: 'Start it, or delete its group from the Pushgateway when it is no longer needed.',
      },
    },
  ]
}

/** In PromQL's regular expressions and strings, only the dot of these names is special. */
function toPattern(names: readonly string[]): string {
  return names.map((name) => name.replaceAll('.', String.raw`\\.`)).join('|')
}

function renderRoutes(): string {
  const inhibited = ['VigilProbeDegraded', 'VigilCertificateExpires']
  const routes = {
    route: {
      receiver: 'tickets',
      group_by: ['alertname', 'environment'],
      group_wait: '30s',
      group_interval: '5m',
      repeat_interval: '12h',
      routes: [{ receiver: 'pages', matchers: ['severity="critical"'], repeat_interval: '1h' }],
    },
    // One outage is one message.
    inhibit_rules: [
      {
        source_matchers: ['alertname="VigilProbeDown"'],
        target_matchers: [`alertname=~"${inhibited.join('|')}"`],
        equal: ['probe', 'environment', 'place'],
      },
    ],
    receivers: [{ name: 'pages' }, { name: 'tickets' }],
  }
  return [
    '# Written by vigil init --monitoring. Add to each receiver what delivers its messages, for example:',
    '#   pagerduty_configs: [{ routing_key_file: /run/secrets/pagerduty, send_resolved: true }]',
    '#   email_configs: [{ to: team@example.org, from: …, smarthost: …, send_resolved: true }]',
    stringify(routes),
  ].join('\n')
}
