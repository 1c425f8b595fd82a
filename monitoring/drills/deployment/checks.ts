import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { readAlerts } from '../observation/alertmanager.ts'
import { callApi } from '../observation/http-api.ts'
import { queryNow, readRules } from '../observation/prometheus.ts'
import type { DeploymentHop, DeploymentPlan } from './deployment.ts'

type Place = Pick<DeploymentPlan, 'prometheusUrl' | 'alertmanagerUrl' | 'waitMs' | 'signal'>

/** Longer than any rule's interval that a team would be content with. */
const staleSeconds = 300

/** Why Prometheus' rules cannot be relied on: not reached, none, or not evaluated by its own clock. */
export async function findEvaluationProblem({
  prometheusUrl,
  signal,
}: Place): Promise<{ hop: DeploymentHop; why: string } | undefined> {
  const read = await readRules(prometheusUrl, signal)
  if (read.state === 'unreachable') return { hop: 'prometheus', why: read.reason }
  const alerting = read.rules.filter(({ type }) => type === 'alerting')
  if (alerting.length === 0) return { hop: 'evaluation', why: `Prometheus at ${prometheusUrl} has no alerts` }
  const [now] = await queryNow(prometheusUrl, 'time()', signal)
  if (now === undefined) return { hop: 'prometheus', why: `Prometheus at ${prometheusUrl} answers no query` }
  const stale = alerting.filter(
    ({ lastEvaluation }) => !(now.value - Date.parse(lastEvaluation) / 1000 < staleSeconds),
  )
  if (stale.length > 0)
    return {
      hop: 'evaluation',
      why: `Prometheus at ${prometheusUrl} has not evaluated ${stale[0]?.name ?? ''}${stale.length > 1 ? ` and ${stale.length - 1} more` : ''} for ${staleSeconds} s`,
    }
  const broken = alerting.find(({ health }) => health === 'err')
  return (
    broken && {
      hop: 'evaluation',
      why: `${broken.name} cannot be evaluated: ${broken.lastError ?? 'Prometheus does not say why'}`,
    }
  )
}

const managers = z.object({ data: z.object({ activeAlertmanagers: z.array(z.object({ url: z.string() })) }) })

/** Why what fires in Prometheus would not be in this Alertmanager: told none, or what fires is not there. */
export async function findAlertmanagerProblem(place: Place): Promise<string | undefined> {
  const { prometheusUrl, alertmanagerUrl, signal } = place
  const told = managers.safeParse(await jsonAt(prometheusUrl, '/api/v1/alertmanagers', signal))
  if (!told.success || told.data.data.activeAlertmanagers.length === 0)
    return `Prometheus at ${prometheusUrl} tells no Alertmanager`
  const deadline = performance.now() + place.waitMs
  for (;;) {
    const flaw = await unheard(prometheusUrl, alertmanagerUrl, signal)
    if (flaw === undefined || performance.now() > deadline || signal.aborted) return flaw
    await sleep(500, undefined, { signal }).catch(() => undefined)
  }
}

/** What fires there and is not here; a Watchdog always fires. */
async function unheard(
  prometheusUrl: string,
  alertmanagerUrl: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [rules, held] = await Promise.all([
    readRules(prometheusUrl, signal),
    readAlerts(alertmanagerUrl, signal),
  ])
  if (rules.state === 'unreachable') return rules.reason
  if (held.state === 'unreachable') return held.reason
  const firing = rules.rules
    .filter(({ alerts }) => alerts.some(({ state }) => state === 'firing'))
    .map(({ name }) => name)
  if (firing.length === 0)
    return `nothing fires in Prometheus at ${prometheusUrl}, expected at least an alert that always does, such as Watchdog`
  if (firing.some((name) => held.alerts.some(({ labels }) => labels['alertname'] === name))) return undefined
  return `${firing.slice(0, 3).join(', ')} fires in Prometheus at ${prometheusUrl} but is not in Alertmanager at ${alertmanagerUrl}`
}

async function jsonAt(url: string, path: string, signal: AbortSignal): Promise<unknown> {
  const answer = await callApi(url, { path }, signal)
  return answer.state === 'answered' ? answer.json : undefined
}
