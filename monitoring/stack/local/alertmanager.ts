import { basename, join } from 'node:path'
import { isMap, isScalar } from 'yaml'
import type { Document, YAMLMap } from 'yaml'
import { mapsIn, readYaml, textsIn, textsUnder } from './yaml.ts'

/** Where notifications go here instead of to the world. Keys and webhooks by the name of the file that production keeps them in. */
export interface LocalReceivers {
  /** In place of https://events.pagerduty.com/v2/enqueue. */
  pagerduty: { url: string; keys: Readonly<Record<string, string>> }
  slack: { urls: Readonly<Record<string, string>> }
  /** In place of the endpoint of AWS SNS; the credentials are given in Alertmanager's environment. */
  sns: { url: string; region: string }
  /** In place of the mail server, `host:port`, without TLS; Go sends a password so to this machine alone. */
  smtp: { address: string; user: string; password: string }
  /** In place of any other webhook, such as a dead man's switch. */
  webhook: string
}

export interface LocalAlertmanagerPlan {
  /** The configuration's path, for messages. */
  file: string
  /** The folder of its templates. */
  templates: string
  /** Where files of keys and passwords are here. */
  secrets: string
  receivers: LocalReceivers
}

export type LocalAlertmanager =
  | {
      state: 'local'
      text: string
      /** Files that it reads keys, passwords and addresses from, and what has to stand in them. */
      secretFiles: { file: string; text: string }[]
    }
  | { state: 'refused'; reason: string }

/** Names of the files that production keeps PagerDuty's keys and Slack's webhooks in: whom there is to notify. */
export function receiverNames(text: string): { pagerduty: string[]; slack: string[] } {
  const read = readYaml(text, '')
  const named = (key: string): string[] =>
    read.state === 'read'
      ? [...new Set(textsUnder(read.document, key).map(({ value }) => basename(value.value)))]
      : []
  return {
    pagerduty: [...named('routing_key_file'), ...named('service_key_file')],
    slack: named('api_url_file'),
  }
}

/** Production's routes, receivers, inhibitions and templates, with every address out of this machine replaced. */
export function localAlertmanager(text: string, plan: LocalAlertmanagerPlan): LocalAlertmanager {
  const read = readYaml(text, plan.file)
  if (read.state === 'refused') return read
  const { document } = read
  const root = document.contents
  if (!isMap(root)) return { state: 'refused', reason: `${plan.file}: expected a mapping` }
  const [flaw] = mapsIn(root, 'receivers').flatMap((receiver) => localReceiver(receiver, plan.receivers))
  if (flaw !== undefined) return { state: 'refused', reason: `${plan.file}: receivers: found ${flaw}` }
  localGlobal(document, root, plan.receivers)
  for (const template of textsIn(root, 'templates'))
    template.value = join(plan.templates, basename(template.value))
  const secretFiles = textsUnder(document, '_file').map(({ key, value }) => {
    value.value = join(plan.secrets, basename(value.value))
    return { file: value.value, text: secretFor(key, basename(value.value), plan.receivers) }
  })
  return {
    state: 'local',
    text: document.toString({ lineWidth: 0 }),
    secretFiles: [...new Map(secretFiles.map((secret) => [secret.file, secret])).values()],
  }
}

/** By the kind of a receiver's configuration. What takes a key or an address from a file is given ours in that file. */
const writers: Record<string, (config: YAMLMap, receivers: LocalReceivers) => string | undefined> = {
  pagerduty_configs: (config, { pagerduty }) => {
    config.set('url', pagerduty.url)
    return inText(config, 'routing_key', 'service_key')
  },
  slack_configs: (config) => inText(config, 'api_url'),
  webhook_configs: (config, { webhook }) => {
    if (config.has('url')) config.set('url', webhook)
    return undefined
  },
  sns_configs: (config, { sns }) => {
    config.set('api_url', sns.url)
    const signing = config.get('sigv4')
    if (isMap(signing)) {
      signing.set('region', sns.region)
      // A role would be asked for from AWS itself; the credentials here are the environment's.
      for (const key of ['role_arn', 'profile']) signing.delete(key)
    }
    return inText(signing, 'secret_key')
  },
  email_configs: (config, { smtp }) => {
    if (config.has('smarthost')) config.set('smarthost', smtp.address)
    if (config.has('auth_username')) config.set('auth_username', smtp.user)
    config.set('require_tls', false)
    return inText(config, 'auth_password')
  },
}

/** Writes local addresses into a receiver; returns what cannot stay here. */
function localReceiver(receiver: YAMLMap, receivers: LocalReceivers): string[] {
  const kinds = receiver.items.map(({ key }) => nameOf(key)).filter((key) => key.endsWith('_configs'))
  return kinds.flatMap((kind) => {
    const write = writers[kind]
    // One that is not known would tell the world what happens on a laptop.
    if (write === undefined) return [`${kind}, which has no local counterpart`]
    return mapsIn(receiver, kind)
      .flatMap((config) => write(config, receivers) ?? [])
      .map((key) => `${kind}: ${key}, expected ${key}_file: a secret does not belong in this file`)
  })
}

/** The first of the keys that holds its secret itself. */
function inText(config: unknown, ...keys: readonly string[]): string | undefined {
  return isMap(config) ? keys.find((key) => config.has(key)) : undefined
}

function localGlobal(document: Document, root: YAMLMap, { pagerduty, smtp }: LocalReceivers): void {
  const known = root.get('global')
  const global = isMap(known) ? known : document.createNode({})
  if (!isMap(known)) root.set('global', global)
  global.set('pagerduty_url', pagerduty.url)
  global.set('smtp_smarthost', smtp.address)
  global.set('smtp_require_tls', false)
  if (global.has('smtp_auth_username')) global.set('smtp_auth_username', smtp.user)
}

function secretFor(key: string, name: string, { pagerduty, slack, smtp, webhook }: LocalReceivers): string {
  if (key.endsWith('api_url_file')) return slack.urls[name] ?? ''
  if (key === 'url_file') return webhook
  if (key.endsWith('_key_file')) return pagerduty.keys[name] ?? ''
  return key.endsWith('auth_password_file') ? smtp.password : ''
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : ''
}
