import { z } from 'zod'
import { sendRequest } from '../../../journeys/client/index.ts'

/** The response of an HTTP API, with its JSON when it is JSON. */
export type ApiResponse =
  | { state: 'ok'; status: number; json: unknown; text: string }
  | { state: 'unavailable'; reason: string }

export interface ApiRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  json?: unknown
  headers?: Record<string, string>
  timeoutMs?: number
}

const defaultTimeoutMs = 5000
const maxResponseBytes = 16 * 1024 * 1024

export async function callApi(
  baseUrl: string,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<ApiResponse> {
  const body = request.json === undefined ? undefined : JSON.stringify(request.json)
  const headers = {
    ...(request.json !== undefined && { 'content-type': 'application/json' }),
    ...request.headers,
  }
  const sent = await sendRequest(
    baseUrl,
    { method: request.method ?? 'GET', path: request.path, headers, body },
    {
      timeoutMs: request.timeoutMs ?? defaultTimeoutMs,
      maxBodyBytes: maxResponseBytes,
      signal,
      purpose: 'drill',
    },
  )
  if (sent.state === 'failed') return { state: 'unavailable', reason: sent.message }
  const { status, json, text } = sent.response
  return { state: 'ok', status, json, text }
}

export type ReadResult<T> = { state: 'ok'; value: T } | { state: 'unavailable'; reason: string }

async function readJson<T>(
  { program, url, path, what }: { program: string; url: string; path: string; what: string },
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<ReadResult<T>> {
  const response = await callApi(url, { path }, signal)
  if (response.state === 'unavailable')
    return { state: 'unavailable', reason: `${program} at ${url}: ${response.reason}` }
  const read = schema.safeParse(response.json)
  if (read.success) return { state: 'ok', value: read.data }
  return {
    state: 'unavailable',
    reason: `${program} at ${url}: expected ${what} at ${path}, got status ${response.status} without it`,
  }
}

const labels = z.record(z.string(), z.string())

const prometheusAlert = z.object({
  labels,
  annotations: labels.default({}),
  state: z.string(),
  activeAt: z.string(),
  value: z.string(),
})

const prometheusRule = z.object({
  name: z.string(),
  query: z.string(),
  type: z.enum(['alerting', 'recording']),
  duration: z.number().default(0),
  labels: labels.default({}),
  annotations: labels.default({}),
  alerts: z.array(prometheusAlert).default([]),
  health: z.string(),
  lastError: z.string().optional(),
  lastEvaluation: z.string(),
})

/** A rule of Prometheus with its alerts. `duration` is its `for`, in seconds. */
export type PrometheusRule = z.infer<typeof prometheusRule>

const rulesResponse = z.object({
  status: z.literal('success'),
  data: z.object({
    groups: z.array(z.object({ name: z.string(), interval: z.number(), rules: z.array(prometheusRule) })),
  }),
})

export async function readRules(url: string, signal: AbortSignal): Promise<ReadResult<PrometheusRule[]>> {
  const request = { program: 'Prometheus', url, path: '/api/v1/rules', what: 'a list of rules' }
  const read = await readJson(request, rulesResponse, signal)
  if (read.state === 'unavailable') return read
  return { state: 'ok', value: read.value.data.groups.flatMap((group) => group.rules) }
}

const queryResponse = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.string(),
    result: z.union([
      z.array(z.object({ metric: labels, value: z.tuple([z.number(), z.string()]) })),
      z.tuple([z.number(), z.string()]),
    ]),
  }),
})

/** The current values of an expression, by series. Empty when it has no result or Prometheus rejects it. */
export async function queryNow(
  url: string,
  expression: string,
  signal: AbortSignal,
): Promise<{ labels: Record<string, string>; value: number }[]> {
  const path = `/api/v1/query?query=${encodeURIComponent(expression)}`
  const response = await callApi(url, { path }, signal)
  const read = queryResponse.safeParse(response.state === 'ok' ? response.json : undefined)
  if (!read.success) return []
  const { result } = read.data.data
  const [first] = result
  if (typeof first === 'number') return [{ labels: {}, value: Number(result[1]) }]
  return result.flatMap((series) =>
    typeof series === 'object' ? [{ labels: series.metric, value: Number(series.value[1]) }] : [],
  )
}

const targetsResponse = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ labels, health: z.string(), lastError: z.string() })),
  }),
})

/** The targets that Prometheus scrapes, with the result of the last scrape. */
export async function readTargets(
  url: string,
  signal: AbortSignal,
): Promise<{ job: string; health: string; error: string }[]> {
  const response = await callApi(url, { path: '/api/v1/targets?state=active' }, signal)
  const read = targetsResponse.safeParse(response.state === 'ok' ? response.json : undefined)
  if (!read.success) return []
  return read.data.data.activeTargets.map((target) => ({
    job: target.labels['job'] ?? '',
    health: target.health,
    error: target.lastError,
  }))
}

const alertmanagerAlert = z.object({
  labels,
  annotations: labels.default({}),
  fingerprint: z.string(),
  startsAt: z.string(),
  receivers: z.array(z.object({ name: z.string() })),
  status: z.object({
    state: z.string(),
    inhibitedBy: z.array(z.string()).nullish(),
    silencedBy: z.array(z.string()).nullish(),
  }),
})

/** An alert in Alertmanager: the receivers it is routed to, and what inhibits or silences it. */
export type AlertmanagerAlert = z.infer<typeof alertmanagerAlert>

/** All alerts of Alertmanager, inhibited and silenced ones too. */
export async function readAlerts(url: string, signal: AbortSignal): Promise<ReadResult<AlertmanagerAlert[]>> {
  const request = { program: 'Alertmanager', url, path: '/api/v2/alerts', what: 'a list of alerts' }
  return readJson(request, z.array(alertmanagerAlert), signal)
}

/** Alerts that Alertmanager sends to one receiver in one notification. */
const alertGroup = z.object({
  labels,
  receiver: z.object({ name: z.string() }),
  alerts: z.array(alertmanagerAlert),
})

export type AlertGroup = z.infer<typeof alertGroup>

/** All groups of Alertmanager, those of inhibited and silenced alerts too. */
export async function readGroups(url: string, signal: AbortSignal): Promise<ReadResult<AlertGroup[]>> {
  const request = { program: 'Alertmanager', url, path: '/api/v2/alerts/groups', what: 'groups of alerts' }
  return readJson(request, z.array(alertGroup), signal)
}

export interface Silence {
  matchers: { name: string; value: string; isRegex: boolean; isEqual: boolean }[]
  comment: string
  startsAtMs: number
  endsAtMs: number
}

export type AddSilenceResult = { state: 'ok'; id: string } | { state: 'failed'; reason: string }

export async function addSilence(
  url: string,
  { startsAtMs, endsAtMs, ...silence }: Silence,
  signal: AbortSignal,
): Promise<AddSilenceResult> {
  const json = {
    ...silence,
    createdBy: 'vigil drill',
    startsAt: new Date(startsAtMs).toISOString(),
    endsAt: new Date(endsAtMs).toISOString(),
  }
  const response = await callApi(url, { method: 'POST', path: '/api/v2/silences', json }, signal)
  const read = z
    .object({ silenceID: z.string() })
    .safeParse(response.state === 'ok' ? response.json : undefined)
  if (read.success) return { state: 'ok', id: read.data.silenceID }
  const problem =
    response.state === 'ok' ? `${response.status} ${response.text.slice(0, 200)}` : response.reason
  return { state: 'failed', reason: `Alertmanager at ${url}: ${problem}` }
}

export async function endSilence(url: string, id: string, signal: AbortSignal): Promise<void> {
  await callApi(url, { method: 'DELETE', path: `/api/v2/silence/${id}` }, signal)
}

/**
 * Sends alerts to Alertmanager as Prometheus does. Returns why they were rejected; undefined when they were
 * not.
 */
export async function postAlerts(
  url: string,
  alerts: readonly object[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const response = await callApi(url, { method: 'POST', path: '/api/v2/alerts', json: alerts }, signal)
  if (response.state === 'unavailable') return response.reason
  return response.status === 200 ? undefined : `status ${response.status} ${response.text.slice(0, 200)}`
}
