import { setTimeout as sleep } from 'node:timers/promises'
import { addSilence, callApi, endSilence, postAlerts, readAlerts } from '../observation/apis.ts'
import type { AddSilenceResult, AlertmanagerAlert } from '../observation/apis.ts'
import { awaitAcknowledgement, findAlertmanagerProblem, findEvaluationProblem } from './checks.ts'
import type { Acknowledgement, AcknowledgementWait, Deployment, DeploymentHop } from './checks.ts'

export interface DeploymentPlan extends Deployment {
  /** The severity by which the alert is routed. */
  severity: string
  /** Whether people are notified. Otherwise the alert is silenced and ends at Alertmanager. */
  notifyPeople: boolean
  /** The acknowledgement to wait for when people are notified. */
  acknowledgement?: Acknowledgement
  /** A unique label of the alert. */
  id: string
  now: () => number
  reportStep: (step: string) => void
}

/** `passed`: every hop; `receivers` are those that were notified, or would have been without the silence. */
export type DeploymentResult =
  | { state: 'passed'; receivers: string[]; seconds: number; acknowledgedBy?: string }
  | { state: 'lost'; hop: DeploymentHop; why: string }

/**
 * Sends a marked alert through a deployment: Prometheus evaluates and reaches its Alertmanager, which routes
 * the alert.
 * People are notified only with `notifyPeople`.
 */
export async function runDeploymentDrill(plan: DeploymentPlan): Promise<DeploymentResult> {
  const startedMs = performance.now()
  plan.reportStep('Prometheus evaluates')
  const evaluation = await findEvaluationProblem(plan)
  if (evaluation !== undefined) return lost(evaluation.hop, evaluation.why)
  plan.reportStep('Prometheus reaches Alertmanager')
  const problem = await findAlertmanagerProblem(plan)
  if (problem !== undefined) return lost('alertmanager', problem)
  const endsAtMs = plan.now() + plan.waitMs + 60_000
  const silence = plan.notifyPeople ? undefined : await silenceDrill(plan, endsAtMs)
  if (silence?.state === 'failed') return lost('silence', silence.reason)
  const wait =
    plan.notifyPeople && plan.acknowledgement
      ? await awaitAcknowledgement(plan.acknowledgement, plan.id, plan.signal)
      : undefined
  try {
    const result = await sendAlert(plan, endsAtMs, wait)
    return result.state === 'passed'
      ? { ...result, seconds: Number(((performance.now() - startedMs) / 1000).toFixed(1)) }
      : result
  } finally {
    await wait?.stop()
    // With its own signal: an interrupted drill leaves the deployment as it was, too.
    const cleanup = AbortSignal.timeout(5000)
    await postAlerts(plan.alertmanagerUrl, [drillAlert(plan, wait?.url, plan.now() - 1)], cleanup)
    if (silence) await endSilence(plan.alertmanagerUrl, silence.id, cleanup)
  }
}

function lost(hop: DeploymentHop, why: string): DeploymentResult & { state: 'lost' } {
  return { state: 'lost', hop, why }
}

async function sendAlert(
  plan: DeploymentPlan,
  endsAtMs: number,
  wait: AcknowledgementWait | undefined,
): Promise<DeploymentResult> {
  const failedBefore = await countFailedNotifications(plan)
  plan.reportStep(plan.notifyPeople ? 'alerting' : 'alerting, silenced')
  const rejection = await postAlerts(
    plan.alertmanagerUrl,
    [drillAlert(plan, wait?.url, endsAtMs)],
    plan.signal,
  )
  if (rejection !== undefined)
    return lost('alertmanager', `Alertmanager at ${plan.alertmanagerUrl} rejected the alert: ${rejection}`)
  const alert = await poll(plan, async () => findDrillAlert(plan))
  if (alert === undefined) return lost('alertmanager', 'Alertmanager accepted the alert but does not list it')
  const receivers = alert.receivers.map(({ name }) => name)
  if (receivers.length === 0)
    return lost('routing', `Alertmanager routes severity ${plan.severity} to no receiver`)
  const passed: DeploymentResult = { state: 'passed', receivers, seconds: 0 }
  const isSilenced = (alert.status.silencedBy ?? []).length > 0
  if (!plan.notifyPeople) {
    if (isSilenced) return passed
    const notified = `${receivers.join(', ')} may have been notified`
    return lost('silence', `the alert is not silenced (${alert.status.state}): ${notified}`)
  }
  if (alert.status.state === 'suppressed') {
    const cause = isSilenced ? 'a silence' : 'another alert inhibits it'
    return lost('routing', `Alertmanager suppresses the alert: ${cause}`)
  }
  if (wait === undefined) return passed
  plan.reportStep(`waiting until ${receivers.join(', ')} acknowledges at ${wait.url ?? 'its API'}`)
  const acknowledgedBy = await poll(plan, wait.acknowledgedBy)
  if (acknowledgedBy !== undefined) return { ...passed, acknowledgedBy }
  const failed = (await countFailedNotifications(plan)) - failedBefore
  if (failed > 0) {
    const attempts = `${failed} attempts failed (alertmanager_notifications_failed_total)`
    return lost('receiver', `Alertmanager could not notify ${receivers.join(', ')}: ${attempts}`)
  }
  const seconds = Math.round(plan.waitMs / 1000)
  return lost('acknowledgement', `no acknowledgement from ${receivers.join(', ')} within ${seconds} s`)
}

async function findDrillAlert(plan: DeploymentPlan): Promise<AlertmanagerAlert | undefined> {
  const read = await readAlerts(plan.alertmanagerUrl, plan.signal)
  const alert = read.state === 'ok' ? read.value.find(({ labels }) => labels['drill'] === plan.id) : undefined
  return alert && alert.status.state !== 'unprocessed' ? alert : undefined
}

function drillAlert({ severity, id }: DeploymentPlan, hookUrl: string | undefined, endsAtMs: number): object {
  const acknowledge = hookUrl === undefined ? '' : ` except acknowledge it: ${hookUrl}`
  return {
    labels: { alertname: 'VigilDrill', severity, team: 'devops', signal: 'drill', drill: id },
    annotations: {
      summary: `DRILL ${id}: this is only a test`,
      description: `\`vigil drill\` sent this alert to test its delivery. You need do nothing${acknowledge}.`,
      ...(hookUrl !== undefined && { runbook_url: hookUrl, acknowledge_url: hookUrl }),
    },
    endsAt: new Date(endsAtMs).toISOString(),
  }
}

async function silenceDrill(plan: DeploymentPlan, endsAtMs: number): Promise<AddSilenceResult> {
  const matchers = [{ name: 'drill', value: plan.id, isRegex: false, isEqual: true }]
  const comment = `vigil drill ${plan.id}: no receiver is to be notified`
  const silence = { matchers, comment, startsAtMs: plan.now() - 1000, endsAtMs }
  return addSilence(plan.alertmanagerUrl, silence, plan.signal)
}

async function countFailedNotifications({ alertmanagerUrl, signal }: DeploymentPlan): Promise<number> {
  const response = await callApi(alertmanagerUrl, { path: '/metrics' }, signal)
  const lines =
    response.state === 'ok'
      ? response.text.split('\n').filter((line) => line.startsWith('alertmanager_notifications_failed_total'))
      : []
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

async function poll<T>(
  { waitMs, signal }: Deployment,
  read: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const found = await read()
    if (found !== undefined || performance.now() > deadline || signal.aborted) return found
    await sleep(250, undefined, { signal }).catch(() => undefined)
  }
}
