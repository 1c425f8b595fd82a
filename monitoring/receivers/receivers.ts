import { createHash } from 'node:crypto'
import { startHttpService } from './delivery.ts'
import type { Delivery, Handled, HttpRequest, HttpService, NewDelivery } from './delivery.ts'
import { handlePagerDuty, handleSlack, handleSns } from './http-receivers.ts'
import type { AwsAccount, SignRequest } from './http-receivers.ts'
import { startMailService } from './smtp.ts'
import type { MailAccount, MailLibraries } from './smtp.ts'

export interface ReceiversPlan {
  /** Names of PagerDuty services and of Slack channels. Each gets a key or webhook of its own. */
  pagerduty: readonly string[]
  slack: readonly string[]
  /** The user of the mail server. */
  smtpUser?: string
  /** Wall clock. */
  now: () => number
  /** When set, the mail server offers STARTTLS and rejects logins without it. */
  tls?: { key: string; cert: string }
  /** How to load the optional libraries; tests replace it. */
  load?: LibraryLoaders
}

/** Addresses and credentials of the receivers, to be written into Alertmanager's configuration. */
export interface ReceiverAddresses {
  /** `url` is Alertmanager's `pagerduty_url`; `routingKeys` maps the name of each service to its key. */
  pagerduty: { url: string; routingKeys: Readonly<Record<string, string>> }
  /** The URL of each channel's webhook. */
  slack: { urls: Readonly<Record<string, string>> }
  smtp: { host: string; port: number; user: string; password: string }
  sns: AwsAccount & { url: string }
}

/**
 * Services that accept notifications as PagerDuty, Slack, a mail server and SNS do, and reject what those
 * reject.
 */
export interface Receivers {
  addresses: ReceiverAddresses
  /** All deliveries so far, rejected ones too, oldest first. At most the last 10,000. */
  received: () => readonly Delivery[]
  /** Calls the listener for each new delivery. Returns how to unsubscribe. */
  subscribe: (listener: (delivery: Delivery) => void) => () => void
  stop: () => Promise<void>
}

/** `missing`: an optional library is not installed; the reason says which. */
export type ReceiversStarted = { state: 'ok'; receivers: Receivers } | { state: 'missing'; reason: string }

interface Libraries extends MailLibraries {
  signRequest: SignRequest
}

/**
 * Loads one library each. They are optional dependencies, because only `vigil drill` and `vigil up` need
 * them: an
 * installation that only measures works without.
 */
export type LibraryLoaders = Readonly<
  Record<(typeof libraryNames)[number], () => Promise<Partial<Libraries>>>
>

const libraryNames = ['aws4', 'smtp-server', 'postal-mime'] as const

const installedLibraries: LibraryLoaders = {
  aws4: async () => ({ signRequest: (await import('aws4')).default.sign }),
  'smtp-server': async () => ({ SMTPServer: (await import('smtp-server')).SMTPServer }),
  'postal-mime': async () => {
    const { default: PostalMime } = await import('postal-mime')
    return { parseMail: async (content) => PostalMime.parse(content) }
  },
}

/** A library that cannot be loaded is one that is not installed: the versions are pinned. */
async function loadLibraries(
  load: LibraryLoaders,
): Promise<{ state: 'ok'; libraries: Libraries } | { state: 'missing'; reason: string }> {
  const missing: string[] = []
  const parts = await Promise.all(
    libraryNames.map(async (name) =>
      load[name]().catch(() => {
        missing.push(name)
        return {}
      }),
    ),
  )
  const { signRequest, SMTPServer, parseMail }: Partial<Libraries> = Object.assign({}, ...parts)
  if (signRequest && SMTPServer && parseMail)
    return { state: 'ok', libraries: { signRequest, SMTPServer, parseMail } }
  const packages = missing.toSorted().join(' ')
  return {
    state: 'missing',
    reason: `the notification receivers need packages that are not installed: run npm install ${packages}`,
  }
}

/** Starts the receivers on free ports of the loopback address. */
export async function startReceivers(plan: ReceiversPlan): Promise<ReceiversStarted> {
  const loaded = await loadLibraries(plan.load ?? installedLibraries)
  if (loaded.state === 'missing') return loaded
  const { signRequest, ...mailLibraries } = loaded.libraries
  const { deliver, received, subscribe } = deliveryLog(plan.now)
  const { services, channels, account, mail } = credentialsFor(plan)
  const start = async (handle: (request: HttpRequest) => Handled): Promise<HttpService> =>
    startHttpService((request) => {
      const { reply, delivery } = handle(request)
      deliver(delivery)
      return reply
    })
  const http = await Promise.all([
    start((request) => handlePagerDuty(request, services)),
    start((request) => handleSlack(request, channels)),
    start((request) => handleSns(request, account, signRequest, plan.now())),
  ])
  const [pagerDutyService, slackService, snsService] = http
  const smtp = await startMailService(mail, mailLibraries, deliver)
  const addresses: ReceiverAddresses = {
    pagerduty: {
      url: `${pagerDutyService.url}/v2/enqueue`,
      routingKeys: Object.fromEntries([...services].map(([key, name]) => [name, key])),
    },
    slack: {
      urls: Object.fromEntries([...channels].map(([path, name]) => [name, slackService.url + path])),
    },
    smtp: { host: smtp.host, port: smtp.port, user: mail.user, password: mail.password },
    sns: { ...account, url: snsService.url },
  }
  const stop = async (): Promise<void> =>
    void (await Promise.all([...http, smtp].map(async (service) => service.stop())))
  return { state: 'ok', receivers: { addresses, received, subscribe, stop } }
}

const maxKept = 10_000

function deliveryLog(
  now: () => number,
): Pick<Receivers, 'received' | 'subscribe'> & { deliver: (delivery: NewDelivery) => void } {
  const deliveries: Delivery[] = []
  const listeners = new Set<(delivery: Delivery) => void>()
  return {
    deliver: (delivery) => {
      const timed = { ...delivery, atMs: now() }
      deliveries.push(timed)
      if (deliveries.length > maxKept) deliveries.shift()
      for (const listener of listeners) listener(timed)
    },
    received: () => deliveries,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function credentialsFor({ pagerduty, slack, smtpUser, tls }: ReceiversPlan): {
  services: ReadonlyMap<string, string>
  channels: ReadonlyMap<string, string>
  account: AwsAccount
  mail: MailAccount
} {
  return {
    services: new Map(pagerduty.map((name) => [keyFor('pagerduty', name), name])),
    channels: new Map(slack.map((name) => [slackPath(name), name])),
    account: {
      accessKeyId: 'AKIADRILLDRILLDRILL0',
      secretAccessKey: keyFor('sns', 'secret'),
      region: 'eu-central-1',
    },
    mail: { user: smtpUser ?? 'vigil', password: keyFor('smtp', 'password'), ...(tls && { tls }) },
  }
}

function slackPath(name: string): string {
  const bot = keyFor('hook', name).slice(0, 10).toUpperCase()
  return `/services/T00000000/B${bot}/${keyFor('slack', name).slice(0, 24)}`
}

// The same name has the same key in every run, so that the configurations of two runs can be compared.
// The keys protect nothing: a process that can reach the loopback address can usually read the files, too.
function keyFor(kind: string, name: string): string {
  return createHash('sha256').update(`vigil drill ${kind} ${name}`).digest('hex').slice(0, 32)
}
