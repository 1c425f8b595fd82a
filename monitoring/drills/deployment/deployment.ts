import { setTimeout as sleep } from 'node:timers/promises'
import { addSilence, endSilence, postAlerts, readAlerts } from '../observation/alertmanager.ts'
import { callApi } from '../observation/http-api.ts'
import { awaitAcknowledgement } from './acknowledgement.ts'
import type { Acknowledgement } from './acknowledgement.ts'
import { findAlertmanagerProblem, findEvaluationProblem } from './checks.ts'

export interface DeploymentPlan {
  prometheusUrl: string
  alertmanagerUrl: string
  /** As which severity it is routed. */
  severity: string
  /** People are told; else the alert is silenced for them and ends at Alertmanager. */
  notifyPeople: boolean
  /** Whose answer is waited for when people are told. */
  acknowledgement?: Acknowledgement
  /** Unique; stands in the alert. */
  id: string
  waitMs: number
  now: () => number
  signal: AbortSignal
  reportStep: (step: string) => void
}

export type DeploymentHop =
  | 'prometheus'
  | 'evaluation'
  | 'alertmanager'
  | 'silence'
  | 'routing'
  | 'receiver'
  | 'acknowledgement'
  | 'resolve'

/** `passed`: every hop; `receivers` are those that it was, or would have been, told to. */
export type DeploymentResult =
  | { state: 'passed'; receivers: string[]; seconds: number; acknowledgedBy?: string }
  | { state: 'lost'; hop: DeploymentHop; why: string }

/** Sends a marked alert through a deployment: Prometheus evaluates and reaches its Alertmanager, which routes it; people hear of it only when it is loud. */
export async function runDeploymentDrill(plan: DeploymentPlan): Promise<DeploymentResult> {
  const began = performance.now()
  plan.reportStep('Prometheus evaluates')
  const evaluation = await findEvaluationProblem(plan)
  if (evaluation !== undefined) return { state: 'lost', hop: evaluation.hop, why: evaluation.why }
  plan.reportStep('Prometheus reaches Alertmanager')
  const bridge = await findAlertmanagerProblem(plan)
  if (bridge !== undefined) return { state: 'lost', hop: 'alertmanager', why: bridge }
  const endsAtMs = plan.now() + plan.waitMs + 60_000
  const silence = plan.notifyPeople ? undefined : await silenced(plan, endsAtMs)
  if (silence?.state === 'refused') return { state: 'lost', hop: 'silence', why: silence.reason }
  const hook =
    plan.notifyPeople && plan.acknowledgement
      ? await awaitAcknowledgement(plan.acknowledgement, plan.id, plan.signal)
      : undefined
  try {
    const result = await sendAlert(plan, endsAtMs, hook)
    return result.state === 'passed'
      ? { ...result, seconds: Number(((performance.now() - began) / 1000).toFixed(1)) }
      : result
  } finally {
    await hook?.stop()
    // By signals of their own: the deployment is left as it was found when we are interrupted, too.
    const last = AbortSignal.timeout(5000)
    await postAlerts(plan.alertmanagerUrl, [alertOf(plan, hook?.url, plan.now() - 1)], last)
    if (silence) await endSilence(plan.alertmanagerUrl, silence.id, last)
  }
}

type Hook = Awaited<ReturnType<typeof awaitAcknowledgement>>

async function sendAlert(
  plan: DeploymentPlan,
  endsAtMs: number,
  hook: Hook | undefined,
): Promise<DeploymentResult> {
  const failedBefore = await notificationsFailed(plan)
  plan.reportStep(plan.notifyPeople ? 'alerting' : 'alerting, silenced')
  const refused = await postAlerts(plan.alertmanagerUrl, [alertOf(plan, hook?.url, endsAtMs)], plan.signal)
  if (refused !== undefined)
    return {
      state: 'lost',
      hop: 'alertmanager',
      why: `Alertmanager at ${plan.alertmanagerUrl} did not take the alert: ${refused}`,
    }
  const held = await poll(plan, async () => {
    const read = await readAlerts(plan.alertmanagerUrl, plan.signal)
    const alert =
      read.state === 'read' ? read.alerts.find(({ labels }) => labels['drill'] === plan.id) : undefined
    return alert && alert.status.state !== 'unprocessed' ? alert : undefined
  })
  if (held === undefined)
    return { state: 'lost', hop: 'alertmanager', why: 'Alertmanager took the alert but does not list it' }
  const receivers = held.receivers.map(({ name }) => name)
  if (receivers.length === 0)
    return { state: 'lost', hop: 'routing', why: `Alertmanager routes severity ${plan.severity} to nobody` }
  const muted = (held.status.silencedBy ?? []).length > 0
  if (!plan.notifyPeople)
    return muted
      ? { state: 'passed', receivers, seconds: 0 }
      : {
          state: 'lost',
          hop: 'silence',
          why: `the alert is not silenced (${held.status.state}): ${receivers.join(', ')} may have been told`,
        }
  if (held.status.state === 'suppressed')
    return {
      state: 'lost',
      hop: 'routing',
      why: `Alertmanager keeps the alert quiet: ${muted ? 'a silence' : 'another alert inhibits it'}`,
    }
  if (hook === undefined) return { state: 'passed', receivers, seconds: 0 }
  plan.reportStep(`waiting until ${receivers.join(', ')} acknowledges at ${hook.url ?? 'its API'}`)
  const acknowledgedBy = await poll(plan, hook.acknowledged)
  if (acknowledgedBy !== undefined) return { state: 'passed', receivers, seconds: 0, acknowledgedBy }
  const failed = (await notificationsFailed(plan)) - failedBefore
  if (failed > 0)
    return {
      state: 'lost',
      hop: 'receiver',
      why: `Alertmanager could not notify ${receivers.join(', ')}: ${failed} attempts failed (alertmanager_notifications_failed_total)`,
    }
  return {
    state: 'lost',
    hop: 'acknowledgement',
    why: `nobody at ${receivers.join(', ')} acknowledged within ${Math.round(plan.waitMs / 1000)} s`,
  }
}

function alertOf({ severity, id }: DeploymentPlan, hookUrl: string | undefined, endsAtMs: number): object {
  return {
    labels: { alertname: 'VigilDrill', severity, team: 'devops', signal: 'drill', drill: id },
    annotations: {
      summary: `DRILL ${id}: nothing is wrong`,
      description: `This alert was sent by \`vigil drill\` to see that alerts arrive. There is nothing to do${hookUrl === undefined ? '' : ` but to acknowledge it: ${hookUrl}`}.`,
      ...(hookUrl !== undefined && { runbook_url: hookUrl, acknowledge_url: hookUrl }),
    },
    endsAt: new Date(endsAtMs).toISOString(),
  }
}

async function silenced(plan: DeploymentPlan, endsAtMs: number) {
  const matchers = [{ name: 'drill', value: plan.id, isRegex: false, isEqual: true }]
  return addSilence(
    plan.alertmanagerUrl,
    {
      matchers,
      comment: `vigil drill ${plan.id}: nobody is to be told`,
      startsAtMs: plan.now() - 1000,
      endsAtMs,
    },
    plan.signal,
  )
}

async function notificationsFailed({ alertmanagerUrl, signal }: DeploymentPlan): Promise<number> {
  const answer = await callApi(alertmanagerUrl, { path: '/metrics' }, signal)
  const lines =
    answer.state === 'answered'
      ? answer.text.split('\n').filter((line) => line.startsWith('alertmanager_notifications_failed_total'))
      : []
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

async function poll<T>(
  { waitMs, signal }: DeploymentPlan,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const found = await look()
    if (found !== undefined || performance.now() > deadline || signal.aborted) return found
    await sleep(250, undefined, { signal }).catch(() => undefined)
  }
}
