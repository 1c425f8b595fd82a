import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { freePort, isFree } from '../../runtime/services/index.ts'
import type { RunningService, Service, StartResult } from '../../runtime/services/index.ts'
import { startReceivers } from '../receivers/index.ts'
import type { Delivery, Receivers } from '../receivers/index.ts'
import type { LocalReceivers } from './alertmanager-config.ts'

export interface ReceiverPlan {
  folder: string
  /** The page's port; 0 is any free port. */
  port: number
  /** The names of the files that production keeps the receivers' keys in. */
  names: { pagerduty: readonly string[]; slack: readonly string[] }
  /** Wall clock. */
  now: () => number
  onDelivery: (delivery: Delivery) => void
}

/** Receives notifications instead of PagerDuty, Slack, a mail server and SNS, and shows them on a page. */
export interface Receiver extends RunningService, Pick<Service, 'url' | 'port'> {
  receivers: LocalReceivers
  /** Alertmanager's environment: SNS' credentials. */
  env: NodeJS.ProcessEnv
}

export async function startReceiver(plan: ReceiverPlan): Promise<StartResult<Receiver>> {
  const { folder, names, now, onDelivery } = plan
  if (plan.port !== 0 && !(await isFree(plan.port)))
    return { state: 'failed', cause: 'port-in-use', reason: `receiver: port ${plan.port} is in use` }
  await mkdir(folder, { recursive: true })
  const log = join(folder, 'notifications.jsonl')
  await writeFile(log, '', { mode: 0o600 })
  const started = await startReceivers({ ...names, now })
  if (started.state === 'missing')
    return { state: 'failed', cause: 'program', reason: `receiver: ${started.reason}` }
  const { receivers } = started
  receivers.subscribe((delivery) => {
    // A delivery that cannot be written is still shown.
    appendFile(log, `${JSON.stringify(delivery)}\n`).catch(() => undefined)
    onDelivery(delivery)
  })
  const server = createServer((request, response) => answer(receivers, request, response))
  const port = plan.port === 0 ? await freePort() : plan.port
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const url = `http://127.0.0.1:${port}`
  const { sns } = receivers.addresses
  return {
    state: 'ok',
    service: {
      url,
      port,
      receivers: toLocalReceivers(receivers, url),
      env: {
        AWS_ACCESS_KEY_ID: sns.accessKeyId,
        AWS_SECRET_ACCESS_KEY: sns.secretAccessKey,
        AWS_REGION: sns.region,
      },
      // Part of this process: it ends only when it is stopped.
      ended: new Promise(() => undefined),
      lastOutput: () => '',
      stop: async () => {
        server.closeAllConnections()
        await Promise.all([receivers.stop(), new Promise((resolve) => server.close(resolve))])
      },
    },
  }
}

const maxWebhookBytes = 64 * 1024

function answer(receivers: Receivers, request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxWebhookBytes) request.destroy()
  })
  // Alertmanager's own webhooks, such as a dead man's switch, only need an answer.
  if (request.method === 'POST') response.end()
  else if (request.url === '/notifications')
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(receivers.received()))
  else
    response
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      })
      .end(renderPage(receivers.received()))
}

function toLocalReceivers({ addresses }: Receivers, url: string): LocalReceivers {
  const { pagerduty, slack, smtp, sns } = addresses
  return {
    pagerduty: { url: pagerduty.url, keys: pagerduty.routingKeys },
    slack,
    sns,
    smtp: { address: `${smtp.host}:${smtp.port}`, user: smtp.user, password: smtp.password },
    webhook: `${url}/webhook`,
  }
}

const maxShown = 200

/** The last notifications, newest first. Self-contained; text of a notification is never markup. */
function renderPage(deliveries: readonly Delivery[]): string {
  const rows = deliveries.slice(-maxShown).toReversed().map(renderRow).join('\n')
  const table =
    rows === ''
      ? '<p>Nothing has arrived yet.</p>'
      : `<table><tr><th>time (UTC)<th>by<th>to<th>status<th>what</tr>\n${rows}\n</table>`
  const head = `<meta charset="utf-8"><title>vigil: notifications</title><style>${style}</style>`
  return `<!doctype html><html lang="en">${head}<h1>Notifications</h1>${table}</html>`
}

function renderRow({ atMs, via, address, status, title, text, response }: Delivery): string {
  const refused = response.state === 'invalid' ? ` <b>refused: ${escape(response.reason)}</b>` : ''
  const time = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')
  const summary = `<summary>${escape(title)}${refused}</summary>`
  const details = `<details>${summary}<pre>${escape(text)}</pre></details>`
  return `<tr class="${status}"><td>${time}<td>${via}<td>${escape(address)}<td>${status}<td>${details}</tr>`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

const style = `body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color-scheme:light dark}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}
.firing td:nth-child(4){color:#c62828}.resolved td:nth-child(4){color:#2e7d32}
pre{white-space:pre-wrap;overflow-wrap:anywhere}`
