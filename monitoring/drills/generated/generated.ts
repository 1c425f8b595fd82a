import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup } from '../../../runtime/processes/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import { startStack, startTodoService, writeGenerated } from '../../stack/index.ts'
import type { Component, GeneratedMonitoring, StackPlan } from '../../stack/index.ts'
import { compressFile } from '../compression/files.ts'

/** The alert that a service can be drilled for without faults of its own. */
export const generatedAlert = 'VigilProbeDown'

export interface GeneratedDrillPlan
  extends GeneratedMonitoring, Pick<StackPlan, 'target' | 'probes' | 'tools' | 'now' | 'signal'> {
  folder: string
  /** How many times faster than configured the rules and routes wait. */
  speed: number
  /** How long the alert may take to arrive, and to be resolved. */
  timeoutMs: number
  report: (step: string) => void
}

export type GeneratedDrill =
  | { state: 'ok'; receivers: string[]; firedSeconds: number; resolvedSeconds: number }
  | { state: 'failed' | 'invalid' | 'interrupted'; reason: string }

/**
 * Drills the rules and routes that `vigil init --monitoring` wrote: ends the service until its alert has
 * arrived at a receiver, and starts it again at the same address until that is resolved.
 */
export async function drillGenerated(plan: GeneratedDrillPlan): Promise<GeneratedDrill> {
  const folder = join(plan.folder, 'monitoring')
  const written = await writeGenerated(folder, plan)
  if (written.state === 'invalid') return written
  const { production, parts } = written
  const problem =
    (await compress('rules', join(folder, 'prometheus', 'alert_rules.yml'), plan.speed)) ??
    (await compress('alertmanager', production.alertmanager, plan.speed))
  if (problem !== undefined) return { state: 'invalid', reason: problem }
  const deliveries: Delivery[] = []
  const started = await startStack({
    ...plan,
    folder: join(plan.folder, 'stack'),
    production,
    parts,
    shown: { root: plan.folder, dashboards: plan.folder },
    ports: {},
    usualPorts: false,
    interval: '1s',
    onEvent: (event) => {
      if (event.event === 'up') plan.report(`${event.component.name} is up`)
      if (event.event === 'notification') deliveries.push(event.delivery)
    },
  })
  if (started.state !== 'ok') return started
  const service = started.stack.components.find(({ name }) => name === 'backend')
  try {
    return service === undefined
      ? { state: 'failed', reason: 'the service has no process' }
      : await follow(plan, service, deliveries)
  } finally {
    await started.stack.stop()
  }
}

async function compress(
  kind: 'rules' | 'alertmanager',
  file: string,
  speed: number,
): Promise<string | undefined> {
  const compressed = compressFile(kind, await readFile(file, 'utf8'), file, speed)
  if (compressed.state === 'invalid') return compressed.reason
  await writeFile(file, compressed.text, { mode: 0o600 })
  return undefined
}

async function follow(
  plan: GeneratedDrillPlan,
  { pid, port }: Component,
  deliveries: readonly Delivery[],
): Promise<GeneratedDrill> {
  const { signal, timeoutMs, report } = plan
  const arrived = (status: Delivery['status']): Delivery[] =>
    deliveries.filter((one) => one.status === status && one.title.includes(generatedAlert))
  const wait = async (status: Delivery['status']): Promise<number | undefined> => {
    const startedMs = performance.now()
    const passedMs = (): number => performance.now() - startedMs
    while (arrived(status).length === 0) {
      if (signal.aborted || passedMs() > timeoutMs) return undefined
      await sleep(100, undefined, { signal }).catch(() => undefined)
    }
    return Number((passedMs() / 1000).toFixed(1))
  }
  const missing = (what: string): GeneratedDrill =>
    signal.aborted
      ? { state: 'interrupted', reason: 'interrupted' }
      : { state: 'failed', reason: `${what} within ${timeoutMs / 1000} s` }
  if (pid !== undefined) signalGroup(pid, 'SIGKILL')
  report('the service was ended')
  const firedSeconds = await wait('firing')
  if (firedSeconds === undefined) return missing('arrived at no receiver')
  report('the alert has arrived; starting the service again')
  const again = { ...plan.target, folder: join(plan.folder, 'again'), port, signal }
  const restarted = await startTodoService(again)
  if (restarted.state === 'failed') return { state: 'failed', reason: restarted.reason }
  try {
    const resolvedSeconds = await wait('resolved')
    if (resolvedSeconds === undefined) return missing('was not reported as resolved')
    const receivers = [...new Set(arrived('firing').map(({ address }) => address))]
    return { state: 'ok', receivers, firedSeconds, resolvedSeconds }
  } finally {
    await restarted.service.stop()
  }
}
