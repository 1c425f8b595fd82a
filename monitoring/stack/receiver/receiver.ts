import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { startReceivers } from '../../receivers/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import type { LocalReceivers } from '../local/index.ts'
import { freePort, isFree } from '../../../runtime/services/index.ts'
import { page } from './page.ts'

export interface ReceiverPlan {
  folder: string
  /** The page's port; absent or 0: any that is free. */
  port: number
  /** Whom there is to notify, by the names of their keys' files. */
  names: { pagerduty: readonly string[]; slack: readonly string[] }
  /** Wall clock. */
  now: () => number
  tell: (received: Delivery) => void
}

/** Takes notifications in the place of PagerDuty, Slack, a mail server and SNS, and shows them. */
export interface Receiver {
  url: string
  port: number
  receivers: LocalReceivers
  /** Alertmanager's environment: SNS' credentials. */
  env: NodeJS.ProcessEnv
  stop: () => Promise<void>
}

export type StartedReceiver =
  | { state: 'ok'; receiver: Receiver }
  | { state: 'failed'; cause: 'port-in-use' | 'program'; reason: string }

const webhookBytes = 64 * 1024

export async function startReceiver({
  folder,
  port,
  names,
  now,
  tell,
}: ReceiverPlan): Promise<StartedReceiver> {
  if (port !== 0 && !(await isFree(port)))
    return { state: 'failed', cause: 'port-in-use', reason: `receiver: port ${port} is in use` }
  await mkdir(folder, { recursive: true })
  const log = join(folder, 'notifications.jsonl')
  await writeFile(log, '', { mode: 0o600 })
  const started = await startReceivers({ ...names, now })
  if (started.state === 'missing')
    return { state: 'failed', cause: 'program', reason: `receiver: ${started.reason}` }
  const { receivers } = started
  receivers.subscribe((received) => {
    // What cannot be written is still shown.
    appendFile(log, `${JSON.stringify(received)}\n`).catch(() => undefined)
    tell(received)
  })
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > webhookBytes) request.destroy()
    })
    // A webhook of Alertmanager's own, such as a dead man's switch, wants no more than to be taken.
    if (request.method === 'POST') response.end()
    else if (request.url === '/notifications')
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify(receivers.received()))
    else
      response
        .writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        })
        .end(page(receivers.received()))
  })
  const bound = port === 0 ? await freePort() : port
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(bound, '127.0.0.1', resolve),
  )
  const url = `http://127.0.0.1:${bound}`
  const { pagerduty, slack, smtp, sns } = receivers.addresses
  return {
    state: 'ok',
    receiver: {
      url,
      port: bound,
      receivers: {
        pagerduty: { url: pagerduty.url, keys: pagerduty.routingKeys },
        slack,
        sns,
        smtp: { address: `${smtp.host}:${smtp.port}`, user: smtp.user, password: smtp.password },
        webhook: `${url}/webhook`,
      },
      env: {
        AWS_ACCESS_KEY_ID: sns.accessKeyId,
        AWS_SECRET_ACCESS_KEY: sns.secretAccessKey,
        AWS_REGION: sns.region,
      },
      stop: async () => {
        server.closeAllConnections()
        await Promise.all([receivers.stop(), new Promise((resolve) => server.close(resolve))])
      },
    },
  }
}
