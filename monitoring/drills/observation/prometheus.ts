import { z } from 'zod'
import { callApi } from './http-api.ts'

const alert = z.object({
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()).default({}),
  state: z.string(),
  activeAt: z.string(),
  value: z.string(),
})

const rule = z.object({
  name: z.string(),
  query: z.string(),
  type: z.enum(['alerting', 'recording']),
  duration: z.number().default(0),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  alerts: z.array(alert).default([]),
  health: z.string(),
  lastError: z.string().optional(),
  lastEvaluation: z.string(),
})

const rulesAnswer = z.object({
  status: z.literal('success'),
  data: z.object({
    groups: z.array(z.object({ name: z.string(), interval: z.number(), rules: z.array(rule) })),
  }),
})
const queryAnswer = z.object({
  status: z.literal('success'),
  data: z.object({
    resultType: z.string(),
    result: z.union([
      z.array(
        z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
      ),
      z.tuple([z.number(), z.string()]),
    ]),
  }),
})

/** A rule as Prometheus holds it, with its alerts. `duration`: its `for`, in seconds. */
export type PrometheusRule = z.infer<typeof rule>
export type PrometheusAlert = z.infer<typeof alert>

export type RulesRead = { state: 'read'; rules: PrometheusRule[] } | { state: 'unreachable'; reason: string }

export async function readRules(url: string, signal: AbortSignal): Promise<RulesRead> {
  const answer = await callApi(url, { path: '/api/v1/rules' }, signal)
  if (answer.state === 'unreachable')
    return { state: 'unreachable', reason: `Prometheus at ${url}: ${answer.reason}` }
  const read = rulesAnswer.safeParse(answer.json)
  if (!read.success)
    return {
      state: 'unreachable',
      reason: `Prometheus at ${url} answered ${answer.status} with no list of rules`,
    }
  return { state: 'read', rules: read.data.data.groups.flatMap((group) => group.rules) }
}

/** The values an expression has now, by series; none when it has no result or is refused. */
export async function queryNow(
  url: string,
  expression: string,
  signal: AbortSignal,
): Promise<{ labels: Record<string, string>; value: number }[]> {
  const answer = await callApi(url, { path: `/api/v1/query?query=${encodeURIComponent(expression)}` }, signal)
  const read = queryAnswer.safeParse(answer.state === 'answered' ? answer.json : undefined)
  if (!read.success) return []
  const { result } = read.data.data
  const [first] = result
  if (typeof first === 'number') return [{ labels: {}, value: Number(result[1]) }]
  return result.flatMap((series) =>
    typeof series === 'object' ? [{ labels: series.metric, value: Number(series.value[1]) }] : [],
  )
}

const targetsAnswer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() }),
    ),
  }),
})

/** What Prometheus scrapes, and how the last scrape went. */
export async function readTargets(
  url: string,
  signal: AbortSignal,
): Promise<{ job: string; health: string; error: string }[]> {
  const answer = await callApi(url, { path: '/api/v1/targets?state=active' }, signal)
  const read = targetsAnswer.safeParse(answer.state === 'answered' ? answer.json : undefined)
  return read.success
    ? read.data.data.activeTargets.map(({ labels, health, lastError }) => ({
        job: labels['job'] ?? '',
        health,
        error: lastError,
      }))
    : []
}
