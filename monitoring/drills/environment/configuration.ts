import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { startReceivers } from '../../receivers/index.ts'
import type { Receivers } from '../../receivers/index.ts'
import { localizeAlertmanager, localizePrometheus, readReceiverNames } from '../../stack/index.ts'
import type { LocalReceivers } from '../../stack/index.ts'
import { compressFile } from '../compression/files.ts'
import type { FileKind } from '../compression/files.ts'
import type { Speed } from '../compression/promql.ts'

/**
 * Changes the text of a configuration or key file before it is used: tests break it, to see that drills find
 * it.
 */
export type Edit = (file: string, text: string) => string

export interface ConfigurationPlan {
  /** The folder `monitoring/`. */
  monitoring: string
  /** The folder of the drill's own files. */
  folder: string
  speed: Speed
  edit?: Edit
}

export type WriteResult<T> = { state: 'ok'; value: T } | { state: 'invalid' | 'missing'; reason: string }

export interface AlertmanagerSetup {
  file: string
  receivers: Receivers
  /** Alertmanager's environment: the credentials of SNS. */
  env: NodeJS.ProcessEnv
}

/**
 * Writes production's Alertmanager configuration on the faster clock, for receivers that it starts. Each key
 * file keeps
 * its name and has a key for that name, so that a swapped receiver is noticed.
 */
export async function writeAlertmanager(
  plan: ConfigurationPlan,
  now: () => number,
): Promise<WriteResult<AlertmanagerSetup>> {
  const source = join(plan.monitoring, 'alertmanager', 'alertmanager.yml')
  const text = readEdited(plan, source)
  const started = await startReceivers({ ...readReceiverNames(text), now })
  if (started.state === 'missing') return started
  const { receivers } = started
  const local = localizeAlertmanager(text, {
    file: source,
    templates: copyTemplates(plan),
    secrets: createFolder(plan.folder, 'secrets'),
    receivers: toLocalReceivers(receivers),
  })
  const compressed =
    local.state === 'invalid' ? local : compressFile('alertmanager', local.text, source, plan.speed)
  if (local.state === 'invalid' || compressed.state !== 'ok') {
    await receivers.stop()
    return { state: 'invalid', reason: 'reason' in compressed ? compressed.reason : '' }
  }
  for (const secret of local.secretFiles)
    writeFileSync(secret.file, plan.edit?.(basename(secret.file), secret.text) ?? secret.text, {
      mode: 0o600,
    })
  const file = join(plan.folder, 'alertmanager.yml')
  writeFileSync(file, compressed.text, { mode: 0o600 })
  const { accessKeyId, secretAccessKey, region } = receivers.addresses.sns
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region }
  return { state: 'ok', value: { file, receivers, env } }
}

/** Port 9 discards: the drills have no receiver for other webhooks, such as a dead man's switch. */
const unusedWebhook = 'http://127.0.0.1:9'

function toLocalReceivers({ addresses: { pagerduty, slack, sns, smtp } }: Receivers): LocalReceivers {
  return {
    pagerduty: { url: pagerduty.url, keys: pagerduty.routingKeys },
    slack,
    sns,
    smtp: { address: `${smtp.host}:${smtp.port}`, user: smtp.user, password: smtp.password },
    webhook: unusedWebhook,
  }
}

/**
 * Writes production's Prometheus configuration and rules on the faster clock, for targets on this machine.
 */
export function writePrometheus(
  plan: ConfigurationPlan,
  addresses: Readonly<Record<string, string>>,
  absent: readonly string[],
): WriteResult<{ file: string; targets: { job: string; address: string }[] }> {
  const folder = join(plan.monitoring, 'prometheus')
  const source = join(folder, 'prometheus.yml')
  const rules = createFolder(plan.folder, 'rules')
  const secrets = createFolder(plan.folder, 'secrets')
  const local = localizePrometheus(readEdited(plan, source), {
    file: source,
    folder: rules,
    addresses,
    absent,
    secrets,
  })
  if (local.state === 'invalid') return { state: 'invalid', reason: local.reason }
  for (const file of local.secretFiles) writeFileSync(file, 'drill', { mode: 0o600 })
  const files: [FileKind, string, string][] = [['prometheus', local.text, source]]
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.yml') && each !== basename(source)))
    files.push(['rules', readEdited(plan, join(folder, name)), join(folder, name)])
  for (const [kind, text, name] of files) {
    const compressed = compressFile(kind, text, name, plan.speed)
    if (compressed.state === 'invalid') return compressed
    writeFileSync(join(kind === 'prometheus' ? plan.folder : rules, basename(name)), compressed.text)
  }
  return { state: 'ok', value: { file: join(plan.folder, basename(source)), targets: local.targets } }
}

function readEdited({ edit }: ConfigurationPlan, file: string): string {
  const text = readFileSync(file, 'utf8')
  return edit === undefined ? text : edit(basename(file), text)
}

function copyTemplates(plan: ConfigurationPlan): string {
  const from = join(plan.monitoring, 'alertmanager', 'templates')
  const to = createFolder(plan.folder, 'templates')
  for (const name of readdirSync(from).filter((each) => each.endsWith('.tmpl')))
    writeFileSync(join(to, name), readEdited(plan, join(from, name)))
  return to
}

function createFolder(parent: string, name: string): string {
  const folder = join(parent, name)
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o700)
  return folder
}
