import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { localPrometheus } from '../../stack/local/index.ts'
import { compressFile } from '../compression/index.ts'
import type { FileKind, Speed } from '../compression/index.ts'
import type { Receivers } from '../../receivers/index.ts'
import { startReceivers } from '../../receivers/index.ts'
import { alertmanagerForSinks, namedReceivers } from './alertmanager-config.ts'

/** Changes the text of a file of production's configuration, or of a key, before it is used: to break it on purpose, and see that caught. */
export type Edit = (file: string, text: string) => string

export interface ConfigurationPlan {
  /** The folder `monitoring/`. */
  monitoring: string
  /** Where the drill's own files are written. */
  folder: string
  speed: Speed
  edit?: Edit
}

export type Configured<T> = { state: 'written'; value: T } | { state: 'refused'; reason: string }

/** Production's Alertmanager configuration on the faster clock, for sinks that are started for it. */
export async function writeAlertmanager(
  plan: ConfigurationPlan,
  now: () => number,
): Promise<Configured<{ file: string; sinks: Receivers }>> {
  const source = join(plan.monitoring, 'alertmanager', 'alertmanager.yml')
  const text = readWith(plan, source)
  const named = namedReceivers(text, source)
  if (named.state === 'refused') return named
  const started = await startReceivers({ ...named.value, now })
  if (started.state === 'missing') return { state: 'refused', reason: started.reason }
  const { receivers: sinks } = started
  const secrets = folderIn(plan.folder, 'secrets')
  const templates = copied(
    plan,
    join(plan.monitoring, 'alertmanager', 'templates'),
    folderIn(plan.folder, 'templates'),
  )
  const local = alertmanagerForSinks(text, { file: source, templates, secrets, sinks: sinks.addresses })
  const fast =
    local.state === 'refused' ? local : compressFile('alertmanager', local.value.text, source, plan.speed)
  if (fast.state === 'refused' || local.state === 'refused') {
    await sinks.stop()
    return { state: 'refused', reason: fast.state === 'refused' ? fast.reason : '' }
  }
  for (const secret of local.value.secretFiles)
    writeFileSync(secret.file, plan.edit?.(basename(secret.file), secret.text) ?? secret.text, {
      mode: 0o600,
    })
  const file = join(plan.folder, 'alertmanager.yml')
  writeFileSync(file, fast.text, { mode: 0o600 })
  return { state: 'written', value: { file, sinks } }
}

/** Production's Prometheus configuration and rules on the faster clock, for targets that are here. */
export function writePrometheus(
  plan: ConfigurationPlan,
  addresses: Readonly<Record<string, string>>,
  absent: readonly string[],
): Configured<{ file: string; targets: { job: string; address: string }[] }> {
  const folder = join(plan.monitoring, 'prometheus')
  const source = join(folder, 'prometheus.yml')
  const rules = folderIn(plan.folder, 'rules')
  const secrets = folderIn(plan.folder, 'secrets')
  const local = localPrometheus(readWith(plan, source), {
    file: source,
    folder: rules,
    addresses,
    absent,
    secrets,
  })
  if (local.state === 'refused') return local
  for (const file of local.secretFiles) writeFileSync(file, 'drill', { mode: 0o600 })
  const written: [FileKind, string, string][] = [['prometheus', local.text, source]]
  for (const name of readdirSync(folder).filter(
    (each) => each.endsWith('.yml') && each !== basename(source),
  )) {
    const text = readWith(plan, join(folder, name))
    written.push(['rules', text, join(folder, name)])
  }
  for (const [kind, text, name] of written) {
    const fast = compressFile(kind, text, name, plan.speed)
    if (fast.state === 'refused') return fast
    writeFileSync(join(kind === 'prometheus' ? plan.folder : rules, basename(name)), fast.text)
  }
  return { state: 'written', value: { file: join(plan.folder, basename(source)), targets: local.targets } }
}

function readWith({ edit }: ConfigurationPlan, file: string): string {
  const text = readFileSync(file, 'utf8')
  return edit === undefined ? text : edit(basename(file), text)
}

function copied(plan: ConfigurationPlan, from: string, to: string): string {
  for (const name of readdirSync(from).filter((each) => each.endsWith('.tmpl')))
    writeFileSync(join(to, name), readWith(plan, join(from, name)))
  return to
}

function folderIn(parent: string, name: string): string {
  const folder = join(parent, name)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o700)
  return folder
}
