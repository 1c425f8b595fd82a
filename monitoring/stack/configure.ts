import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startChild } from '../../runtime/processes/index.ts'
import { components, componentNames, onlyInContainers } from './components.ts'
import type { ComponentName } from './components.ts'
import { localAlertmanager, localPrometheus, receiverNames } from './local/index.ts'
import type { LocalReceivers } from './local/index.ts'

/** Where production's configuration lies in the folder of monitoring. */
export interface Production {
  prometheus: string
  alertmanager: string
  templates: string
  processes: string
  postgresQueries: string
}

export function productionIn(monitoring: string): Production {
  return {
    prometheus: join(monitoring, 'prometheus', 'prometheus.yml'),
    alertmanager: join(monitoring, 'alertmanager', 'alertmanager.yml'),
    templates: join(monitoring, 'alertmanager', 'templates'),
    processes: join(monitoring, 'exporters', 'process-exporter.yml'),
    postgresQueries: join(monitoring, 'exporters', 'postgres-queries-debian.yml'),
  }
}

/** The first file that is missing. */
export async function missingIn(production: Production): Promise<string | undefined> {
  for (const file of Object.values(production)) {
    if (
      !(await access(file).then(
        () => true,
        () => false,
      ))
    )
      return file
  }
  return undefined
}

export type Configured<T = object> =
  | ({ state: 'configured'; file: string } & T)
  | { state: 'wrong'; reason: string }

/** Writes Alertmanager's configuration with the receivers of this machine. */
export async function configureAlertmanager(
  production: Production,
  folder: string,
  receivers: LocalReceivers,
): Promise<Configured> {
  const text = await readFile(production.alertmanager, 'utf8')
  const local = localAlertmanager(text, {
    file: production.alertmanager,
    templates: production.templates,
    secrets: join(folder, 'secrets'),
    receivers,
  })
  if (local.state === 'refused') return { state: 'wrong', reason: local.reason }
  for (const secret of local.secretFiles) await writePrivately(secret.file, secret.text)
  const file = join(folder, 'alertmanager.yml')
  await writePrivately(file, local.text)
  return { state: 'configured', file }
}

export async function notifiedNames(
  production: Production,
): Promise<{ pagerduty: string[]; slack: string[] }> {
  return receiverNames(await readFile(production.alertmanager, 'utf8'))
}

export interface PrometheusPlan {
  folder: string
  /** Ports of what it scrapes. */
  ports: Readonly<Partial<Record<ComponentName, number>>>
  interval: string | undefined
  promtool: string
}

/** Writes Prometheus' configuration with the addresses of this machine, and has promtool read it and its rules. */
export async function configurePrometheus(
  production: Production,
  plan: PrometheusPlan,
): Promise<Configured<{ targets: number }>> {
  const text = await readFile(production.prometheus, 'utf8')
  const addresses = Object.fromEntries(
    componentNames.flatMap((name) => {
      const { production: known } = components[name]
      return known === undefined || plan.ports[name] === undefined
        ? []
        : [[known, `127.0.0.1:${plan.ports[name]}`]]
    }),
  )
  const local = localPrometheus(text, {
    file: production.prometheus,
    folder: dirname(production.prometheus),
    addresses,
    absent: onlyInContainers,
    secrets: join(plan.folder, 'secrets'),
    ...(plan.interval !== undefined && { intervals: { scrape: plan.interval, evaluation: plan.interval } }),
  })
  if (local.state === 'refused') return { state: 'wrong', reason: local.reason }
  // Here nobody asks for the tokens that are in production's.
  for (const file of local.secretFiles) await writePrivately(file, 'unused')
  const file = join(plan.folder, 'prometheus.yml')
  await writePrivately(file, local.text)
  const flaw = await checkConfig(plan.promtool, file)
  return flaw === undefined
    ? { state: 'configured', file, targets: local.targets.length }
    : { state: 'wrong', reason: flaw }
}

async function checkConfig(promtool: string, file: string): Promise<string | undefined> {
  const child = startChild(promtool, ['check', 'config', file], { env: {} })
  const end = await child.ended
  if (end.state === 'exited' && end.code === 0) return undefined
  const lines = `${child.tail('stdout')}\n${child.tail('stderr')}`.split('\n').map((line) => line.trim())
  // Rules are listed with 'FAILED:' above what is wrong with each.
  const at = lines.findIndex((line) => /FAILED/.test(line))
  const said = lines.slice(Math.max(at, 0)).filter((line) => line !== '' && !/^(Checking|SUCCESS)/.test(line))
  return `promtool: ${said
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .replace(/^FAILED: ?/, '')
    .slice(0, 400)}`
}

async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, text, { mode: 0o600 })
}
