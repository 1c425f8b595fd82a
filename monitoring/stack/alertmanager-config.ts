import { basename, join } from 'node:path'
import { isMap, isScalar } from 'yaml'
import type { Document, YAMLMap } from 'yaml'
import { mapsIn, readYaml, textsIn, textsUnder } from './prometheus-config.ts'

/**
 * Local addresses for notifications. Keys and webhooks by the name of the file that production keeps them in.
 */
export interface LocalReceivers {
  /** In place of https://events.pagerduty.com/v2/enqueue. */
  pagerduty: { url: string; keys: Readonly<Record<string, string>> }
  slack: { urls: Readonly<Record<string, string>> }
  /** In place of the endpoint of AWS SNS; the credentials are given in Alertmanager's environment. */
  sns: { url: string; region: string }
  /**
   * In place of the mail server, `host:port`, without TLS; Go sends a password without TLS only to this
   * machine.
   */
  smtp: { address: string; user: string; password: string }
  /** In place of any other webhook, such as a dead man's switch. */
  webhook: string
}

export interface LocalAlertmanagerPlan {
  /** The configuration's path, for messages. */
  file: string
  /** The folder of its templates. */
  templates: string
  /** The folder of the files with keys and passwords. */
  secrets: string
  receivers: LocalReceivers
}

export type LocalAlertmanager =
  | {
      state: 'ok'
      text: string
      /** Files that it reads keys, passwords and addresses from, and their content. */
      secretFiles: { file: string; text: string }[]
    }
  | { state: 'invalid'; reason: string }

/**
 * Names of the files that production keeps PagerDuty's keys and Slack's webhooks in: one for each receiver.
 */
export function readReceiverNames(text: string): { pagerduty: string[]; slack: string[] } {
  const read = readYaml(text, '')
  const named = (key: string): string[] =>
    read.state === 'ok'
      ? [...new Set(textsUnder(read.document, key).map(({ value }) => basename(value.value)))]
      : []
  return {
    pagerduty: [...named('routing_key_file'), ...named('service_key_file')],
    slack: named('api_url_file'),
  }
}

/**
 * Production's routes, receivers, inhibitions and templates; every address outside this machine is replaced.
 */
export function localizeAlertmanager(text: string, plan: LocalAlertmanagerPlan): LocalAlertmanager {
  const read = readYaml(text, plan.file)
  if (read.state === 'invalid') return read
  const { document } = read
  const root = document.contents
  if (!isMap(root)) return { state: 'invalid', reason: `${plan.file}: expected a mapping` }
  const [problem] = mapsIn(root, 'receivers').flatMap((receiver) =>
    localizeReceiver(receiver, plan.receivers),
  )
  if (problem !== undefined) return { state: 'invalid', reason: `${plan.file}: receivers: found ${problem}` }
  localizeGlobal(document, root, plan.receivers)
  for (const template of textsIn(root, 'templates'))
    template.value = join(plan.templates, basename(template.value))
  const secretFiles = textsUnder(document, '_file').map(({ key, value }) => {
    value.value = join(plan.secrets, basename(value.value))
    return { file: value.value, text: secretTextFor(key, basename(value.value), plan.receivers) }
  })
  return {
    state: 'ok',
    text: document.toString({ lineWidth: 0 }),
    secretFiles: [...new Map(secretFiles.map((secret) => [secret.file, secret])).values()],
  }
}

/**
 * By the kind of a receiver's configuration. Keys and addresses that are read from a file are replaced in
 * that file.
 */
const writers: Record<string, (config: YAMLMap, receivers: LocalReceivers) => string | undefined> = {
  pagerduty_configs: (config, { pagerduty }) => {
    config.set('url', pagerduty.url)
    return findInlineSecret(config, 'routing_key', 'service_key')
  },
  slack_configs: (config) => findInlineSecret(config, 'api_url'),
  webhook_configs: (config, { webhook }) => {
    if (config.has('url')) config.set('url', webhook)
    return undefined
  },
  sns_configs: (config, { sns }) => {
    config.set('api_url', sns.url)
    const signing = config.get('sigv4')
    if (isMap(signing)) {
      signing.set('region', sns.region)
      // A role would be requested from AWS itself; the credentials here are in the environment.
      for (const key of ['role_arn', 'profile']) signing.delete(key)
    }
    return findInlineSecret(signing, 'secret_key')
  },
  email_configs: (config, { smtp }) => {
    if (config.has('smarthost')) config.set('smarthost', smtp.address)
    if (config.has('auth_username')) config.set('auth_username', smtp.user)
    config.set('require_tls', false)
    return findInlineSecret(config, 'auth_password')
  },
}

/** Replaces a receiver's addresses by local ones; returns what cannot be replaced. */
function localizeReceiver(receiver: YAMLMap, receivers: LocalReceivers): string[] {
  const kinds = receiver.items.map(({ key }) => nameOf(key)).filter((key) => key.endsWith('_configs'))
  return kinds.flatMap((kind) => {
    const write = writers[kind]
    // An unknown one would notify real people of what happens on a laptop.
    if (write === undefined) return [`${kind}, which has no local counterpart`]
    return mapsIn(receiver, kind)
      .flatMap((config) => write(config, receivers) ?? [])
      .map((key) => `${kind}: ${key}, expected ${key}_file: a secret does not belong in this file`)
  })
}

/** The first of the keys that holds its secret in the configuration itself. */
function findInlineSecret(config: unknown, ...keys: readonly string[]): string | undefined {
  return isMap(config) ? keys.find((key) => config.has(key)) : undefined
}

function localizeGlobal(document: Document, root: YAMLMap, { pagerduty, smtp }: LocalReceivers): void {
  const known = root.get('global')
  const global = isMap(known) ? known : document.createNode({})
  if (!isMap(known)) root.set('global', global)
  global.set('pagerduty_url', pagerduty.url)
  global.set('smtp_smarthost', smtp.address)
  global.set('smtp_require_tls', false)
  if (global.has('smtp_auth_username')) global.set('smtp_auth_username', smtp.user)
}

function secretTextFor(
  key: string,
  name: string,
  { pagerduty, slack, smtp, webhook }: LocalReceivers,
): string {
  if (key.endsWith('api_url_file')) return slack.urls[name] ?? ''
  if (key === 'url_file') return webhook
  if (key.endsWith('_key_file')) return pagerduty.keys[name] ?? ''
  return key.endsWith('auth_password_file') ? smtp.password : ''
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : ''
}
