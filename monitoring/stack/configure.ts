import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readText } from '../../record/store/index.ts'
import { startChild, toToolEnvironment } from '../../runtime/processes/index.ts'
import { localizeAlertmanager, readReceiverNames } from './alertmanager-config.ts'
import type { LocalReceivers } from './alertmanager-config.ts'
import { components, componentNames, onlyInContainers } from './plan.ts'
import { copyRules, copyTemplates, localizeForm, localizeLinks, readRuleLinks } from './local-links.ts'
import type { ComponentName, Production, ShownFiles } from './plan.ts'
import { localizePrometheus, readYaml } from './prometheus-config.ts'

/** The paths in the folder `monitoring/`. */
export function locateProduction(monitoring: string): Production {
  return {
    prometheus: join(monitoring, 'prometheus', 'prometheus.yml'),
    alertmanager: join(monitoring, 'alertmanager', 'alertmanager.yml'),
    templates: join(monitoring, 'alertmanager', 'templates'),
    processes: join(monitoring, 'exporters', 'process-exporter.yml'),
    postgresQueries: join(monitoring, 'exporters', 'postgres-queries-debian.yml'),
  }
}

/** Documents and dashboards for the stack's page. It works without them. */
export function locateShownFiles(monitoring: string): ShownFiles {
  return { root: dirname(monitoring), dashboards: join(monitoring, 'grafana', 'dashboards') }
}

/** The first file that is missing. */
export async function findMissingFile(production: Production): Promise<string | undefined> {
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

export type ConfigureResult<T = object> =
  | ({ state: 'ok'; file: string } & T)
  | { state: 'invalid'; reason: string }

/** Writes Alertmanager's configuration with the receivers of this machine. */
export async function configureAlertmanager(
  production: Production,
  folder: string,
  receivers: LocalReceivers,
  pageUrl: string,
): Promise<ConfigureResult> {
  const { origins } = await readRuleLinks(production)
  const text = await readText(production.alertmanager)
  const templates = join(folder, 'templates')
  await copyTemplates(production, templates, pageUrl)
  const local = localizeAlertmanager(localizeForm(localizeLinks(text, origins, pageUrl)), {
    file: production.alertmanager,
    templates,
    secrets: join(folder, 'secrets'),
    receivers,
  })
  if (local.state === 'invalid') return local
  for (const secret of local.secretFiles) await writePrivately(secret.file, secret.text)
  const file = join(folder, 'alertmanager.yml')
  await writePrivately(file, local.text)
  return { state: 'ok', file }
}

/** The names of the files that production keeps its receivers' keys in. */
export async function readNotifiedNames(
  production: Production,
): Promise<{ pagerduty: string[]; slack: string[] }> {
  return readReceiverNames(await readText(production.alertmanager))
}

/** How often Prometheus scrapes here: every `interval`, or as production does. */
export async function readScrapeSeconds(
  production: Production,
  interval: string | undefined,
): Promise<number> {
  const read = readYaml(await readText(production.prometheus), production.prometheus)
  const configured = read.state === 'ok' ? read.document.getIn(['global', 'scrape_interval']) : undefined
  const seconds = /^(\d+)s$/.exec(interval ?? String(configured))?.[1]
  return seconds === undefined ? 60 : Number(seconds)
}

export interface PrometheusPlan {
  folder: string
  /** Ports of its targets. */
  ports: Readonly<Partial<Record<ComponentName, number>>>
  interval: string | undefined
  promtool: string
  /** The stack's page, which the links of the rules open. */
  pageUrl: string
}

/**
 * Writes Prometheus' configuration with the addresses of this machine, and checks it and its rules by
 * promtool.
 */
export async function configurePrometheus(
  production: Production,
  plan: PrometheusPlan,
): Promise<ConfigureResult<{ targetCount: number }>> {
  const text = await readText(production.prometheus)
  const addresses = Object.fromEntries(
    componentNames.flatMap((name) => {
      const { production: known } = components[name]
      return known === undefined || plan.ports[name] === undefined
        ? []
        : [[known, `127.0.0.1:${plan.ports[name]}`]]
    }),
  )
  const rules = join(plan.folder, 'rules')
  await copyRules(production, rules, plan.pageUrl)
  const local = localizePrometheus(text, {
    file: production.prometheus,
    folder: rules,
    addresses,
    absent: onlyInContainers,
    secrets: join(plan.folder, 'secrets'),
    ...(plan.interval !== undefined && { intervals: { scrape: plan.interval, evaluation: plan.interval } }),
  })
  if (local.state === 'invalid') return local
  // The services here ask for none of the tokens of production's configuration.
  for (const file of local.secretFiles) await writePrivately(file, 'unused')
  const file = join(plan.folder, 'prometheus.yml')
  await writePrivately(file, local.text)
  const problem = await checkConfig(plan.promtool, file)
  return problem === undefined
    ? { state: 'ok', file, targetCount: local.targets.length }
    : { state: 'invalid', reason: problem }
}

async function checkConfig(promtool: string, file: string): Promise<string | undefined> {
  const child = startChild(promtool, ['check', 'config', file], {
    env: toToolEnvironment(process.env),
  })
  const end = await child.ended
  if (end.state === 'exited' && end.code === 0) return undefined
  const lines = `${child.tail('stdout')}\n${child.tail('stderr')}`.split('\n').map((line) => line.trim())
  // Above the problems of each rule file stands 'FAILED:'.
  const first = lines.findIndex((line) => /FAILED/.test(line))
  const problems = lines
    .slice(Math.max(first, 0))
    .filter((line) => line !== '' && !/^(Checking|SUCCESS)/.test(line))
  return `promtool: ${problems
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .replace(/^FAILED: ?/, '')
    .slice(0, 400)}`
}

async function writePrivately(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, text, { mode: 0o600 })
}
