import { basename, join } from 'node:path'
import { isMap, isScalar, isSeq, visit } from 'yaml'
import type { Document } from 'yaml'
import { mapIn, mapsIn, readYaml, textIn } from '../compression/yaml-file.ts'
import type { ReceiverAddresses } from '../../receivers/index.ts'

/** Receivers that production's configuration names, by the files their keys are in. */
export interface NamedReceivers {
  pagerduty: string[]
  slack: string[]
  /** Who logs in at the mail server; absent: nobody does. */
  smtpUser?: string
}

export type Read<T> = { state: 'read'; value: T } | { state: 'refused'; reason: string }

/** The names of production's PagerDuty services and Slack channels: the names of their key files. */
export function namedReceivers(text: string, file: string): Read<NamedReceivers> {
  const read = readYaml(text, file)
  if (read.state === 'refused') return read
  const named: NamedReceivers = { pagerduty: [], slack: [] }
  const user = textIn(mapIn(read.document.contents, 'global'), 'smtp_auth_username')
  if (user !== undefined) named.smtpUser = user
  eachFile(read.document, (key, path) => {
    const list =
      key === 'routing_key_file' ? named.pagerduty : key.endsWith('api_url_file') ? named.slack : undefined
    if (list && !list.includes(basename(path))) list.push(basename(path))
  })
  return { state: 'read', value: named }
}

export interface LocalAlertmanager {
  text: string
  secretFiles: { file: string; text: string }[]
}

/**
 * Production's configuration with the receivers' services replaced by sinks. Each key file keeps its name and holds the
 * sink's own key for that name, so that two receivers stay two: one that is swapped for another is seen.
 */
export function alertmanagerForSinks(
  text: string,
  plan: { file: string; templates: string; secrets: string; sinks: ReceiverAddresses },
): Read<LocalAlertmanager> {
  const read = readYaml(text, plan.file)
  if (read.state === 'refused') return read
  const { document } = read
  const root = document.contents
  if (!isMap(root)) return { state: 'refused', reason: `${plan.file}: expected a mapping` }
  const { sinks } = plan
  const smarthost = `${sinks.smtp.host}:${sinks.smtp.port}`
  document.setIn(['global', 'pagerduty_url'], sinks.pagerduty.url)
  document.setIn(['global', 'smtp_smarthost'], smarthost)
  document.setIn(['global', 'smtp_require_tls'], false)
  for (const receiver of mapsIn(root, 'receivers')) {
    for (const email of mapsIn(receiver, 'email_configs')) {
      if (email.has('smarthost')) email.set('smarthost', smarthost)
      // On the loopback address Alertmanager logs in without TLS; anywhere else it would refuse to.
      if (email.has('require_tls')) email.set('require_tls', false)
    }
    for (const sns of mapsIn(receiver, 'sns_configs')) {
      sns.set('api_url', sinks.sns.url)
      sns.set(
        'sigv4',
        document.createNode({
          region: sinks.sns.region,
          access_key: sinks.sns.accessKeyId,
          secret_key: sinks.sns.secretAccessKey,
        }),
      )
    }
  }
  const templates = root.get('templates', true)
  if (isSeq(templates))
    for (const item of templates.items)
      if (isScalar(item)) item.value = join(plan.templates, basename(String(item.value)))
  const secretFiles = new Map<string, string>()
  eachFile(document, (key, path, write) => {
    const file = join(plan.secrets, basename(path))
    write(file)
    secretFiles.set(file, secretFor(key, basename(path), sinks))
  })
  return {
    state: 'read',
    value: {
      text: document.toString({ lineWidth: 0 }),
      secretFiles: [...secretFiles].map(([name, content]) => ({ file: name, text: content })),
    },
  }
}

function secretFor(key: string, name: string, sinks: ReceiverAddresses): string {
  if (key === 'routing_key_file') return sinks.pagerduty.routingKeys[name] ?? ''
  if (key.endsWith('api_url_file')) return sinks.slack.urls[name] ?? ''
  return key.includes('password') ? sinks.smtp.password : '0'.repeat(32)
}

function eachFile(
  document: Document,
  tell: (key: string, path: string, write: (path: string) => void) => void,
): void {
  visit(document, {
    Pair: (_, { key, value }) => {
      const name = isScalar(key) ? String(key.value) : ''
      if (!name.endsWith('_file') || !isScalar(value) || typeof value.value !== 'string') return
      tell(name, value.value, (path) => (value.value = path))
    },
  })
}
