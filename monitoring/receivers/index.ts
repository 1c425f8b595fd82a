import { createHash } from 'node:crypto'
import { startHttpService } from './http-service.ts'
import { answerPagerDuty } from './pagerduty.ts'
import type { Received } from './received.ts'
import { answerSlack } from './slack.ts'
import { startMailService } from './smtp.ts'
import { answerSns } from './sns.ts'
import type { Account } from './sns.ts'

export type { Answer, Received, Via } from './received.ts'

export interface SinkPlan {
  /** Names of PagerDuty services and of Slack channels; each gets a key or webhook of its own. */
  pagerduty: readonly string[]
  slack: readonly string[]
  /** Who logs in at the mail server. */
  smtpUser?: string
  /** Wall clock. */
  now: () => number
  /** With it the mail server offers STARTTLS and refuses logins without. */
  tls?: { key: string; cert: string }
}

/** Where receivers are, and with which credentials they take notifications; to be written into Alertmanager's configuration. */
export interface SinkAddresses {
  /** `url` as Alertmanager's `pagerduty_url`; a routing key by each service's name. */
  pagerduty: { url: string; routingKeys: Readonly<Record<string, string>> }
  /** A webhook's URL by each channel's name. */
  slack: { urls: Readonly<Record<string, string>> }
  smtp: { host: string; port: number; user: string; password: string }
  sns: Account & { url: string }
}

/** Services that take notifications as PagerDuty, Slack, a mail server and SNS do, and refuse what those would refuse. */
export interface Sinks {
  addresses: SinkAddresses
  /** All so far, refused ones too, oldest first. At most the last 10,000. */
  received: () => readonly Received[]
  /** Told of each as it comes; returns how to stop that. */
  subscribe: (listener: (received: Received) => void) => () => void
  stop: () => Promise<void>
}

const mostKept = 10_000

/** Starts the receivers on free ports of this machine. */
export async function startSinks({ pagerduty, slack, smtpUser, now, tls }: SinkPlan): Promise<Sinks> {
  const all: Received[] = []
  const listeners = new Set<(received: Received) => void>()
  const deliver = (delivery: Omit<Received, 'atMs'>): void => {
    const received = { ...delivery, atMs: now() }
    all.push(received)
    if (all.length > mostKept) all.shift()
    for (const listener of listeners) listener(received)
  }
  const services = new Map(pagerduty.map((name) => [keyOf('pagerduty', name), name]))
  const channels = new Map(
    slack.map((name) => [
      `/services/T00000000/B${keyOf('hook', name).slice(0, 10).toUpperCase()}/${keyOf('slack', name).slice(0, 24)}`,
      name,
    ]),
  )
  const account = {
    accessKeyId: 'AKIADRILLDRILLDRILL0',
    secretAccessKey: keyOf('sns', 'secret'),
    region: 'eu-central-1',
  }
  const mail = { user: smtpUser ?? 'vigil', password: keyOf('smtp', 'password'), ...(tls && { tls }) }
  const http = await Promise.all([
    startHttpService((heard) => noting(answerPagerDuty(heard, services), deliver)),
    startHttpService((heard) => noting(answerSlack(heard, channels), deliver)),
    startHttpService((heard) => noting(answerSns(heard, account, now()), deliver)),
  ])
  const [pagerDutyService, slackService, snsService] = http
  const smtp = await startMailService(mail, deliver)
  return {
    addresses: {
      pagerduty: {
        url: `${pagerDutyService.url}/v2/enqueue`,
        routingKeys: Object.fromEntries([...services].map(([key, name]) => [name, key])),
      },
      slack: {
        urls: Object.fromEntries([...channels].map(([path, name]) => [name, slackService.url + path])),
      },
      smtp: { host: smtp.host, port: smtp.port, user: mail.user, password: mail.password },
      sns: { ...account, url: snsService.url },
    },
    received: () => all,
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    stop: async () => void (await Promise.all([...http, smtp].map(async (service) => service.stop()))),
  }
}

function noting<T>(
  { reply, received }: { reply: T; received: Omit<Received, 'atMs'> },
  deliver: (received: Omit<Received, 'atMs'>) => void,
): T {
  deliver(received)
  return reply
}

// The same name has the same key in every run, so that a configuration written for one can be compared with another's.
// These guard nothing: whoever may reach this machine's loopback may as well read its files.
function keyOf(kind: string, name: string): string {
  return createHash('sha256').update(`vigil drill ${kind} ${name}`).digest('hex').slice(0, 32)
}
