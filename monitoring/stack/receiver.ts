import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, isFree } from '../../runtime/services/index.ts'
import type { RunningService, Service, StartResult } from '../../runtime/services/index.ts'
import { startReceivers } from '../receivers/index.ts'
import type { Delivery, Receivers } from '../receivers/index.ts'
import type { LocalReceivers } from './alertmanager-config.ts'
import { createPageServer } from './page/server.ts'
import type { PagePlan } from './page/server.ts'

export interface ReceiverPlan {
  folder: string
  /** The page's port; 0 is any free port. */
  port: number
  /** The names of the files that production keeps the receivers' keys in. */
  names: { pagerduty: readonly string[]; slack: readonly string[] }
  page: Omit<PagePlan, 'received' | 'now'>
  /** Wall clock. */
  now: () => number
  onDelivery: (delivery: Delivery) => void
}

/** Receives notifications instead of PagerDuty, Slack, a mail server and SNS, and serves the stack's page. */
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
  const server = createPageServer({ ...plan.page, now, received: receivers.received })
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
