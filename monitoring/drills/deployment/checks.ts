import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { startHttpService } from '../../receivers/index.ts'
import { callApi, queryNow, readAlerts, readRules } from '../observation/apis.ts'

export type DeploymentHop =
  | 'prometheus'
  | 'evaluation'
  | 'alertmanager'
  | 'silence'
  | 'routing'
  | 'receiver'
  | 'acknowledgement'
  | 'resolve'

/** The deployment under test, and how long to wait for it. */
export interface Deployment {
  prometheusUrl: string
  alertmanagerUrl: string
  waitMs: number
  signal: AbortSignal
}

/** Longer than any reasonable evaluation interval. */
const staleSeconds = 300

/** Why Prometheus is not reliable: not reachable, without rules, or not evaluating them by its own clock. */
export async function findEvaluationProblem({
  prometheusUrl,
  signal,
}: Deployment): Promise<{ hop: DeploymentHop; why: string } | undefined> {
  const name = `Prometheus at ${prometheusUrl}`
  const read = await readRules(prometheusUrl, signal)
  if (read.state === 'unavailable') return { hop: 'prometheus', why: read.reason }
  const alerting = read.value.filter(({ type }) => type === 'alerting')
  if (alerting.length === 0) return { hop: 'evaluation', why: `${name} has no alerting rules` }
  const [now] = await queryNow(prometheusUrl, 'time()', signal)
  if (now === undefined) return { hop: 'prometheus', why: `${name} does not answer queries` }
  const stale = alerting.filter(
    ({ lastEvaluation }) => !(now.value - Date.parse(lastEvaluation) / 1000 < staleSeconds),
  )
  if (stale.length > 0) {
    const more = stale.length > 1 ? ` and ${stale.length - 1} more` : ''
    const why = `${name} has not evaluated ${stale[0]?.name ?? ''}${more} for ${staleSeconds} s`
    return { hop: 'evaluation', why }
  }
  const broken = alerting.find(({ health }) => health === 'err')
  return (
    broken && {
      hop: 'evaluation',
      why: `${broken.name} cannot be evaluated: ${broken.lastError ?? 'Prometheus gives no reason'}`,
    }
  )
}

const alertmanagersResponse = z.object({
  data: z.object({ activeAlertmanagers: z.array(z.object({ url: z.string() })) }),
})

/**
 * Why alerts of Prometheus do not reach this Alertmanager: it knows none, or a firing alert is missing there.
 */
export async function findAlertmanagerProblem(deployment: Deployment): Promise<string | undefined> {
  const { prometheusUrl, waitMs, signal } = deployment
  const response = await callApi(prometheusUrl, { path: '/api/v1/alertmanagers' }, signal)
  const known = alertmanagersResponse.safeParse(response.state === 'ok' ? response.json : undefined)
  if (!known.success || known.data.data.activeAlertmanagers.length === 0)
    return `Prometheus at ${prometheusUrl} has no Alertmanager to send to`
  const deadline = performance.now() + waitMs
  for (;;) {
    const problem = await findMissingAlert(deployment)
    if (problem === undefined || performance.now() > deadline || signal.aborted) return problem
    await sleep(500, undefined, { signal }).catch(() => undefined)
  }
}

/** Compares the firing alerts. A Watchdog always fires. */
async function findMissingAlert({
  prometheusUrl,
  alertmanagerUrl,
  signal,
}: Deployment): Promise<string | undefined> {
  const [rules, alerts] = await Promise.all([
    readRules(prometheusUrl, signal),
    readAlerts(alertmanagerUrl, signal),
  ])
  if (rules.state === 'unavailable') return rules.reason
  if (alerts.state === 'unavailable') return alerts.reason
  const firing = rules.value
    .filter((rule) => rule.alerts.some(({ state }) => state === 'firing'))
    .map(({ name }) => name)
  if (firing.length === 0)
    return (
      `no alert fires in Prometheus at ${prometheusUrl}, ` +
      'expected at least one that always fires, such as Watchdog'
    )
  if (firing.some((name) => alerts.value.some(({ labels }) => labels['alertname'] === name))) return undefined
  return (
    `${firing.slice(0, 3).join(', ')} fires in Prometheus at ${prometheusUrl} ` +
    `but is not in Alertmanager at ${alertmanagerUrl}`
  )
}

/**
 * How a person confirms the alert. `hook`: by a request to us; `poll`: a receiver's API returns the drill's
 * id.
 */
export type Acknowledgement = { kind: 'hook'; port: number } | { kind: 'poll'; url: string; token?: string }

export interface AcknowledgementWait {
  /** The link in the alert. Absent for a receiver's own API. */
  url?: string
  /** Who acknowledged, or undefined until then. */
  acknowledgedBy: () => Promise<string | undefined>
  stop: () => Promise<void>
}

/** Waits for an acknowledgement of the drill `id`. */
export async function awaitAcknowledgement(
  by: Acknowledgement,
  id: string,
  signal: AbortSignal,
): Promise<AcknowledgementWait> {
  if (by.kind === 'hook') return awaitHook(by.port, id)
  const { origin, pathname, search } = new URL(by.url)
  const headers: Record<string, string> = by.token === undefined ? {} : { authorization: by.token }
  return {
    acknowledgedBy: async () => {
      const response = await callApi(origin, { path: pathname + search, headers }, signal)
      return response.state === 'ok' && response.status === 200 && response.text.includes(id)
        ? "the receiver's API"
        : undefined
    },
    stop: async () => undefined,
  }
}

async function awaitHook(port: number, id: string): Promise<AcknowledgementWait> {
  let acknowledgedBy: string | undefined
  // Only a reader of the alert knows the drill's id.
  const service = await startHttpService(({ path, body }) => {
    if (!path.includes(id) && !body.includes(id))
      return { status: 404, type: 'text/plain', body: 'no such drill\n' }
    acknowledgedBy ??= 'the hook'
    return { status: 200, type: 'text/plain', body: 'acknowledged, thank you\n' }
  }, port)
  const url = `${service.url}/acknowledge/${id}`
  return { url, acknowledgedBy: async () => acknowledgedBy, stop: service.stop }
}
