import type { Delivery, Receivers } from '../receivers/index.ts'
import { toOneLine } from '../../record/index.ts'
import { nextCommands } from './page/overview.ts'
import { components, isComponent, sortParts } from './plan.ts'
import type { StackState } from './detached.ts'
import type { Target } from './parts.ts'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, isFree } from '../../runtime/services/index.ts'
import type { RunningService, Service, StartResult } from '../../runtime/services/index.ts'
import { startReceivers } from '../receivers/index.ts'
import type { LocalReceivers } from './alertmanager-config.ts'
import { createPageServer } from './page/server.ts'
import type { PagePlan } from './page/server.ts'

/**
 * Prints the table and, above it, events: on a terminal the table stays at the bottom and is kept up to date.
 */
export interface StackConsole {
  table: (state: StackState) => void
  /** An event; `state` is the new state, if it has changed. */
  line: (text: string, state?: StackState) => void
}

/**
 * @param width of the terminal in columns; undefined where there is none: the table is then written once, and
 * events after it
 */
export function createStackConsole(write: (text: string) => void, width: number | undefined): StackConsole {
  let shown: StackState | undefined
  let height = 0
  const erase = (): void => {
    if (height > 0) write(`\u001B[${height}A\u001B[0J`)
    height = 0
  }
  const draw = (): void => {
    if (shown === undefined) return
    // A row that the terminal wraps would be two rows to erase.
    const rows = formatUp(shown, 'Ctrl-C')
      .split('\n')
      .map((row) => [...row].slice(0, width).join(''))
    write(`${rows.join('\n')}\n`)
    height = rows.length
  }
  return {
    table: (state) => {
      shown = state
      erase()
      draw()
    },
    line: (text, state) => {
      if (width === undefined) return write(`${text}\n`)
      shown = state ?? shown
      erase()
      write(`${text}\n`)
      draw()
    },
  }
}

/** One notification as a line. */
export function formatNotification({ atMs, via, address, status, title, response }: Delivery): string {
  const refused = response.state === 'invalid' ? `  (refused: ${response.reason})` : ''
  const time = `${new Date(atMs).toISOString().slice(11, 19)}Z`
  return [time, status.padEnd(8), via.padEnd(9), address, `${toOneLine(title)}${refused}`].join('  ')
}

/** The parts and targets to show. */
type Shown = Pick<StackState, 'components' | 'targets'>

/**
 * The table of the stack: a line for each part with its state, its link and what Prometheus reports of it.
 */
export function formatStackTable({ components: parts, targets }: Shown): string {
  const rows = sortParts(parts).map((part) => [
    part.name,
    part.ended === undefined ? 'up' : 'ended',
    part.url,
    describePart(part, targets),
  ])
  const head = ['part', 'state', 'where', '']
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

/**
 * The table, what to run next, and last the page that shows everything.
 *
 * @param howToEnd `Ctrl-C`
 */
export function formatUp(shown: Shown, howToEnd: string): string {
  const page = shown.components.find(({ name }) => name === 'receiver')?.url
  const next = nextCommands(shown.components).map(
    (command, index) => `  ${index === 0 ? 'next' : '    '}  ${command}`,
  )
  const last = page === undefined ? [] : [`Open ${page}   ${howToEnd} ends all`]
  return [formatStackTable(shown), '', ...next, '', ...last].join('\n')
}

function describePart(
  part: Shown['components'][number],
  targets: readonly Shown['targets'][number][],
): string {
  if (part.ended !== undefined) return part.ended
  const own = targets.filter(
    ({ url }) => URL.canParse(part.url) && new URL(url).host === new URL(part.url).host,
  )
  const down = own.find(({ health }) => health !== 'up')
  if (down) {
    const error = down.error === '' ? '' : `: ${down.error}`
    return `${describeComponent(part.name)}; its target is ${down.health}${error}`
  }
  if (part.name === 'prometheus')
    return `${targets.filter(({ health }) => health === 'up').length} of ${targets.length} targets up`
  return describeComponent(part.name)
}

function describeComponent(name: string): string {
  return isComponent(name) ? components[name].about : ''
}

/** A line for each target that is not up. */
export function describeDownTargets(
  targets: readonly Pick<Target, 'job' | 'url' | 'health' | 'error'>[],
): string[] {
  return targets
    .filter(({ health }) => health !== 'up')
    .map(
      ({ job, url, health, error }) =>
        `target ${job} (${url}) is ${health}${error === '' ? '' : `: ${error}`}`,
    )
}

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
