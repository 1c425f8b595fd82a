import { globSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { readText } from '../../record/store/index.ts'
import type { Production } from './plan.ts'
import { readYaml, textsIn, textsUnder } from './prometheus-config.ts'

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
