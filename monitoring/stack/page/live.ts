import { z } from 'zod'
import { toOneLine } from '../../../record/index.ts'

/** An alert of Prometheus that is pending or firing. */
export interface ActiveAlert {
  state: 'pending' | 'firing'
  labels: Record<string, string>
  annotations: Record<string, string>
  /** Since its expression is true: it is pending from here on. */
  sinceMs: number
}

/** The result of asking a part of the stack; `unavailable`: it does not answer as expected. */
export type Answer<T> = { state: 'ok'; value: T } | { state: 'unavailable'; reason: string }

const alertsAnswer = z.object({
  data: z.object({
    alerts: z.array(
      z.object({
        state: z.enum(['pending', 'firing']),
        labels: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.string()),
        activeAt: z.string(),
      }),
    ),
  }),
})

const timeoutMs = 5000

/** Alerts that are pending or firing, firing ones first, the earliest first. The Watchdog always fires. */
export async function readAlerts(prometheusUrl: string): Promise<Answer<ActiveAlert[]>> {
  return ask(prometheusUrl, '/api/v1/alerts', (body) =>
    alertsAnswer
      .parse(body)
      .data.alerts.filter(({ labels }) => labels['alertname'] !== 'Watchdog')
      .map(({ activeAt, ...alert }) => ({ ...alert, sinceMs: Date.parse(activeAt) }))
      .toSorted((a, b) => a.state.localeCompare(b.state) || a.sinceMs - b.sinceMs),
  )
}

const silencesAnswer = z.array(
  z.object({
    status: z.object({ state: z.string() }),
    comment: z.string(),
    endsAt: z.string(),
    matchers: z.array(z.object({ name: z.string(), value: z.string() })),
  }),
)
export type Silence = z.infer<typeof silencesAnswer>[number]

export async function readSilences(alertmanagerUrl: string): Promise<Answer<Silence[]>> {
  return ask(alertmanagerUrl, '/api/v2/silences', (body) =>
    silencesAnswer.parse(body).filter(({ status }) => status.state !== 'expired'),
  )
}

/** Creates a silence. */
export async function postSilence(alertmanagerUrl: string, silence: object): Promise<Answer<undefined>> {
  try {
    const response = await fetch(`${alertmanagerUrl}/api/v2/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(silence),
      signal: AbortSignal.timeout(timeoutMs),
    })
    return response.ok
      ? { state: 'ok', value: undefined }
      : { state: 'unavailable', reason: toOneLine(await response.text(), 300) }
  } catch (error) {
    return { state: 'unavailable', reason: reasonOf(error) }
  }
}

async function ask<T>(url: string, path: string, read: (body: unknown) => T): Promise<Answer<T>> {
  try {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(timeoutMs) })
    return { state: 'ok', value: read(await response.json()) }
  } catch (error) {
    return { state: 'unavailable', reason: `${url}${path}: ${reasonOf(error)}` }
  }
}

export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return toOneLine(cause instanceof Error ? cause.message : String(cause), 300)
}

/** Paths of pages that a part may have. Debian's Prometheus has them under /classic, others have not. */
const candidates: Readonly<Record<string, readonly string[]>> = {
  prometheus: ['/classic/graph', '/classic/alerts', '/classic/targets', '/graph', '/alerts', '/targets'],
  alertmanager: ['/'],
  pushgateway: ['/'],
  backend: ['/docs', '/metrics'],
  probes: ['/metrics'],
  'node-exporter': ['/metrics'],
  'postgres-exporter': ['/metrics'],
  'process-exporter': ['/metrics'],
}

/** The pages that a part serves in this build. */
export async function findPages(part: { name: string; url: string }): Promise<string[]> {
  const found = await Promise.all(
    (candidates[part.name] ?? []).map(async (path) => ((await isServed(part.url + path)) ? [path] : [])),
  )
  return found.flat()
}

async function isServed(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
    const type = response.headers.get('content-type') ?? ''
    const content = await response.text()
    if (!response.ok) return false
    // Debian's Alertmanager answers with a page that says how to install its application.
    return type.startsWith('text/html') ? !/does not include/i.test(content) : url.endsWith('/metrics')
  } catch {
    return false
  }
}
