import { z } from 'zod'
import { toOneLine } from '../../../record/index.ts'
import { html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import {
  clockText,
  durationText,
  queryPath,
  renderLink,
  renderName,
  renderTable,
  renderTag,
} from './layout.ts'

/** An alert of Prometheus that is pending or firing. */
export interface ActiveAlert {
  state: 'pending' | 'firing'
  labels: Record<string, string>
  annotations: Record<string, string>
  /** Since its expression is true: it is pending from here on. */
  sinceMs: number
}

/** An alert as Alertmanager handles it: why it notifies no one, if it does not. */
export interface HandledAlert {
  labels: Record<string, string>
  /** Names of the alerts that inhibit it; for CausePending the cause that it stands for. */
  inhibitedBy: string[]
  /** Ids of silences. */
  silencedBy: string[]
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

export const timeoutMs = 5000

/** Alerts that no person acts on: one always fires, the other holds alerts back. */
const internal = new Set(['Watchdog', 'CausePending'])

/** Alerts that are pending or firing, firing ones first, the earliest first. */
export async function readAlerts(prometheusUrl: string): Promise<Answer<ActiveAlert[]>> {
  return ask(prometheusUrl, '/api/v1/alerts', (body) =>
    alertsAnswer
      .parse(body)
      .data.alerts.filter(({ labels }) => !internal.has(labels['alertname'] ?? ''))
      .map(({ activeAt, ...alert }) => ({ ...alert, sinceMs: Date.parse(activeAt) }))
      .toSorted((a, b) => a.state.localeCompare(b.state) || a.sinceMs - b.sinceMs),
  )
}

const handledAnswer = z.array(
  z.object({
    fingerprint: z.string(),
    labels: z.record(z.string(), z.string()),
    status: z.object({
      inhibitedBy: z.array(z.string()).nullish(),
      silencedBy: z.array(z.string()).nullish(),
    }),
  }),
)

/** What Alertmanager does with the alerts that fire. */
export async function readHandledAlerts(alertmanagerUrl: string): Promise<Answer<HandledAlert[]>> {
  return ask(alertmanagerUrl, '/api/v2/alerts', (body) => {
    const alerts = handledAnswer.parse(body)
    const names = new Map(alerts.map(({ fingerprint, labels }) => [fingerprint, causeOf(labels)]))
    return alerts.map(({ labels, status }) => ({
      labels,
      inhibitedBy: [
        ...new Set((status.inhibitedBy ?? []).map((id) => names.get(id) ?? 'an alert that ended')),
      ],
      silencedBy: status.silencedBy ?? [],
    }))
  })
}

function causeOf({ alertname = '', cause }: Record<string, string>): string {
  if (alertname !== 'CausePending' || cause === undefined) return alertname
  // A cause is the name of an alert, or a severity and a signal.
  return /^(critical|high) /.test(cause) ? `a ${cause} alert` : cause
}

/** Alertmanager's alert has the labels of Prometheus' alert, and external ones. */
function findHandled(alert: ActiveAlert, handled: readonly HandledAlert[]): HandledAlert | undefined {
  const labels = Object.entries(alert.labels)
  return handled.find((one) => labels.every(([name, value]) => one.labels[name] === value))
}

/** Firing, and no one is notified. */
export function isHeldBack(alert: ActiveAlert, handled: readonly HandledAlert[]): boolean {
  const found = findHandled(alert, handled)
  return found !== undefined && found.inhibitedBy.length + found.silencedBy.length > 0
}

const silencesAnswer = z.array(
  z.object({
    id: z.string(),
    status: z.object({ state: z.string() }),
    comment: z.string(),
    createdBy: z.string().default(''),
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

const tones: Readonly<Record<string, 'fail' | 'warn' | 'none'>> = {
  critical: 'fail',
  high: 'fail',
  medium: 'warn',
}

/** The lists of Alertmanager, by which an alert is marked. */
export interface Handling {
  handled: Answer<readonly HandledAlert[]>
  silences: Answer<readonly Silence[]>
}

export function renderAlerts(
  alerts: readonly ActiveAlert[],
  { handled, silences }: Handling,
  nowMs: number,
): Markup {
  if (alerts.length === 0) return html`<p class="quiet">No alert is pending or firing.</p>`
  const known = handled.state === 'ok' ? handled.value : []
  const table = renderTable(
    ['alert', 'state', 'since (UTC)', 'what', 'open'],
    alerts.map((alert) => renderAlert(alert, findHandled(alert, known), silences, nowMs)),
  )
  return html`${
    handled.state !== 'ok' &&
    html`<p>${renderTag('UNKNOWN', 'warn')} which alerts are held back:
${text(handled.reason)}</p>`
  }${table}`
}

function renderAlert(
  { state, labels, annotations, sinceMs }: ActiveAlert,
  handled: HandledAlert | undefined,
  silences: Answer<readonly Silence[]>,
  nowMs: number,
): Markup[] {
  const { alertname = '', severity = '' } = labels
  const named = [
    ['runbook', annotations['runbook_url']],
    ['dashboard', annotations['dashboard_url']],
    ['query', queryPath(`ALERTS{alertname="${alertname}"}`)],
  ] as const
  const links = named.flatMap(([title, url]) => (url === undefined ? [] : [renderLink(url, title)]))
  const why = handled && renderHandling(handled, silences)
  return [
    html`<b>${renderName(alertname)}</b><br>${renderTag(severity, tones[severity] ?? 'none')}`,
    html`${renderTag(state, state === 'firing' ? 'fail' : 'warn')}${why}`,
    html`<span class="whole">${text(clockText(sinceMs))}</span><br><span class="quiet whole">${text(
      durationText(nowMs - sinceMs),
    )}</span>`,
    html`${text(annotations['summary'] ?? '')}`,
    html`${links.map((link) => html`${link} `)}`,
  ]
}

/** Why no one is notified of an alert. */
function renderHandling(
  { inhibitedBy, silencedBy }: HandledAlert,
  silences: Answer<readonly Silence[]>,
): Markup {
  const found = silences.state === 'ok' ? silences.value.filter(({ id }) => silencedBy.includes(id)) : []
  const reasons = found.map(
    ({ createdBy, comment, endsAt }) =>
      `by ${createdBy} until ${clockText(Date.parse(endsAt))} UTC: ${comment}`,
  )
  return html`${inhibitedBy.length > 0 && renderMark('inhibited', `by ${inhibitedBy.join(', ')}`)}${
    silencedBy.length > 0 && renderMark('silenced', reasons.join('; '))
  }`
}

function renderMark(word: string, reason: string): Markup {
  return html`<br>${renderTag(word, 'none')}<br><span class="quiet small">${text(reason)}</span>`
}

export function renderSilences(silences: Answer<readonly Silence[]>): Markup {
  if (silences.state !== 'ok') return renderUnavailable(silences.reason)
  const rows = silences.value.map(({ matchers, comment, endsAt }) => {
    const named = matchers.map(({ name, value }) => `${name}=${value}`).join(' ')
    return html`<li>${text(`${named} until ${clockText(Date.parse(endsAt))} UTC: ${comment}`)}</li>`
  })
  return html`${rows.length > 0 && html`<p>Silenced:</p><ul>${rows}</ul>`}<p>
${renderLink('/silences/new', 'Silence an alert')}</p>`
}

export function renderUnavailable(reason: string): Markup {
  return html`<p>${renderTag('UNKNOWN', 'warn')} ${text(reason)}</p>`
}
