import { access, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, basename, isAbsolute } from 'node:path'
import { readText } from '../../record/store/index.ts'
import { startChild, toToolEnvironment } from '../../runtime/processes/index.ts'
import { localizeAlertmanager, readReceiverNames } from './alertmanager-config.ts'
import type { LocalReceivers } from './alertmanager-config.ts'
import { components, componentNames, onlyInContainers } from './plan.ts'
import type { ComponentName, Production, ShownFiles } from './plan.ts'
import { localizePrometheus, readYaml, textsIn, textsUnder } from './prometheus-config.ts'
import { globSync } from 'node:fs'

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

/** What the rules of production name: their alerts, and the origins of their links. */
export interface RuleLinks {
  alertNames: string[]
  /** `https://grafana.example.com`. On this machine the stack's page takes their place. */
  origins: string[]
}

interface RuleFile {
  name: string
  text: string
}

/** Reads the rule files of production's configuration. A file that is not YAML is for promtool to report. */
async function readRuleFiles(production: Production): Promise<RuleFile[]> {
  const read = readYaml(await readText(production.prometheus), production.prometheus)
  if (read.state === 'invalid') return []
  const folder = dirname(production.prometheus)
  // As in the local configuration, which knows the files of this folder only.
  const patterns = textsIn(read.document.contents, 'rule_files').map(({ value }) =>
    isAbsolute(value) ? basename(value) : value,
  )
  return Promise.all(
    globSync(patterns, { cwd: folder }).map(async (name) => ({
      name,
      text: await readText(join(folder, name)),
    })),
  )
}

export async function readRuleLinks(production: Production): Promise<RuleLinks> {
  const found: RuleLinks = { alertNames: [], origins: [] }
  for (const { name, text } of await readRuleFiles(production)) {
    const read = readYaml(text, name)
    if (read.state === 'invalid') continue
    for (const { key, value } of textsUnder(read.document, ''))
      if (key === 'alert') found.alertNames.push(value.value)
      else if (/^(?:runbook|dashboard)_url$/.test(key) && URL.canParse(value.value))
        found.origins.push(new URL(value.value).origin)
  }
  return { alertNames: [...new Set(found.alertNames)], origins: [...new Set(found.origins)] }
}

/** Replaces the origin of every link to production's pages. Other links stay. */
export function localizeLinks(text: string, origins: readonly string[], pageUrl: string): string {
  // With the slash: not the start of a longer host.
  return origins.reduce((changed, origin) => changed.replaceAll(`${origin}/`, `${pageUrl}/`), text)
}

/** Copies the rule files of production into a folder, with links to the stack's page. */
export async function copyRules(production: Production, folder: string, pageUrl: string): Promise<void> {
  const { origins } = await readRuleLinks(production)
  for (const { name, text } of await readRuleFiles(production))
    await writeCopy(join(folder, name), localizeLinks(text, origins, pageUrl))
}

/**
 * Copies the templates of notifications into a folder, with links to the stack's page. Alertmanager's own
 * page has the form of a silence behind a `#`, which no server receives; this page has it as a path.
 */
export async function copyTemplates(production: Production, folder: string, pageUrl: string): Promise<void> {
  const { origins } = await readRuleLinks(production)
  for (const name of globSync('*.tmpl', { cwd: production.templates })) {
    const text = await readText(join(production.templates, name))
    await writeCopy(join(folder, name), localizeForm(localizeLinks(text, origins, pageUrl)))
  }
}

export function localizeForm(text: string): string {
  return text.replaceAll('/#/silences/new', '/silences/new')
}

async function writeCopy(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, text, { mode: 0o600 })
}
