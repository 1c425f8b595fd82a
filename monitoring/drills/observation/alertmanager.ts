import { z } from 'zod'
import { callApi } from './http-api.ts'

const held = z.object({
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).default({}),
  fingerprint: z.string(),
  startsAt: z.string(),
  receivers: z.array(z.object({ name: z.string() })),
  status: z.object({
    state: z.string(),
    inhibitedBy: z.array(z.string()).nullish(),
    silencedBy: z.array(z.string()).nullish(),
  }),
})

/** An alert as Alertmanager holds it: where it routes it to, and what keeps it quiet. */
export type AlertmanagerAlert = z.infer<typeof held>

export type HeldRead =
  | { state: 'read'; alerts: AlertmanagerAlert[] }
  | { state: 'unreachable'; reason: string }

/** Its alerts, quiet ones too. */
export async function readAlerts(url: string, signal: AbortSignal): Promise<HeldRead> {
  const answer = await callApi(url, { path: '/api/v2/alerts' }, signal)
  if (answer.state === 'unreachable')
    return { state: 'unreachable', reason: `Alertmanager at ${url}: ${answer.reason}` }
  const read = z.array(held).safeParse(answer.json)
  return read.success
    ? { state: 'read', alerts: read.data }
    : {
        state: 'unreachable',
        reason: `Alertmanager at ${url} answered ${answer.status} with no list of alerts`,
      }
}

/** A group of alerts that are told together, for one receiver. */
const group = z.object({
  labels: z.record(z.string(), z.string()),
  receiver: z.object({ name: z.string() }),
  alerts: z.array(held),
})

export type AlertGroup = z.infer<typeof group>

export type GroupsRead = { state: 'read'; groups: AlertGroup[] } | { state: 'unreachable'; reason: string }

/** Its groups, those of quiet alerts too. */
export async function readGroups(url: string, signal: AbortSignal): Promise<GroupsRead> {
  const answer = await callApi(url, { path: '/api/v2/alerts/groups' }, signal)
  if (answer.state === 'unreachable')
    return { state: 'unreachable', reason: `Alertmanager at ${url}: ${answer.reason}` }
  const read = z.array(group).safeParse(answer.json)
  return read.success
    ? { state: 'read', groups: read.data }
    : {
        state: 'unreachable',
        reason: `Alertmanager at ${url} answered ${answer.status} with no groups of alerts`,
      }
}

export interface Silence {
  matchers: { name: string; value: string; isRegex: boolean; isEqual: boolean }[]
  comment: string
  startsAtMs: number
  endsAtMs: number
}

export type SilenceAdded = { state: 'silenced'; id: string } | { state: 'refused'; reason: string }

export async function addSilence(
  url: string,
  { startsAtMs, endsAtMs, ...silence }: Silence,
  signal: AbortSignal,
): Promise<SilenceAdded> {
  const json = {
    ...silence,
    createdBy: 'vigil drill',
    startsAt: new Date(startsAtMs).toISOString(),
    endsAt: new Date(endsAtMs).toISOString(),
  }
  const answer = await callApi(url, { method: 'POST', path: '/api/v2/silences', json }, signal)
  const read = z
    .object({ silenceID: z.string() })
    .safeParse(answer.state === 'answered' ? answer.json : undefined)
  if (read.success) return { state: 'silenced', id: read.data.silenceID }
  return {
    state: 'refused',
    reason: `Alertmanager at ${url}: ${answer.state === 'answered' ? `${answer.status} ${answer.text.slice(0, 200)}` : answer.reason}`,
  }
}

export async function endSilence(url: string, id: string, signal: AbortSignal): Promise<void> {
  await callApi(url, { method: 'DELETE', path: `/api/v2/silence/${id}` }, signal)
}

/** Gives Alertmanager alerts as Prometheus would; returns why it did not take them. */
export async function postAlerts(
  url: string,
  alerts: readonly object[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await callApi(url, { method: 'POST', path: '/api/v2/alerts', json: alerts }, signal)
  if (answer.state === 'unreachable') return answer.reason
  return answer.status === 200 ? undefined : `answered ${answer.status} ${answer.text.slice(0, 200)}`
}
