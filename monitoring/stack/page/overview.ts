import { html, raw, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import type { Target } from '../parts.ts'
import { components, isComponent } from '../plan.ts'
import type { PartState } from '../plan.ts'
import { clockText, durationText, renderLink, renderTable, renderTag, queryPath } from './layout.ts'
import { isResolved } from './messages.ts'
import type { Incident } from './messages.ts'
import { z } from 'zod'
import { toOneLine } from '../../../record/index.ts'

/** What the first page shows. `unavailable` where a part does not answer: then nothing is known of it. */
export interface Overview {
  parts: readonly PartState[]
  /** Paths of the parts' own pages, by the part's name. */
  pages: Readonly<Record<string, readonly string[]>>
  targets: Answer<readonly Target[]>
  alerts: Answer<readonly ActiveAlert[]>
  silences: Answer<readonly Silence[]>
  incidents: readonly Incident[]
  nowMs: number
}

export function renderOverview(overview: Overview): Markup[] {
  const { alerts, targets, incidents, nowMs } = overview
  return [
    html`<h1>${renderSummary(overview)}</h1><p class="quiet small">${text(
      `${clockText(nowMs)} UTC; this page refreshes itself every ${refreshSeconds} s.`,
    )}</p>`,
    html`<h2>Alerts</h2>`,
    alerts.state === 'ok' ? renderAlerts(alerts.value, nowMs) : renderUnavailable(alerts.reason),
    renderSilences(overview.silences),
    html`<h2>Notifications</h2>`,
    renderIncidents(incidents, maxIncidents),
    html`<h2>Parts</h2>`,
    renderParts(overview),
    html`<h2>Targets</h2>`,
    targets.state === 'ok' ? renderTargets(targets.value) : renderUnavailable(targets.reason),
    html`<h2>Next</h2>${renderNext(overview.parts)}`,
  ]
}

export const refreshSeconds = 10
const maxIncidents = 8

/** No answer is not "nothing fires". */
function renderSummary({ alerts, targets, parts }: Overview): Markup {
  const ended = parts.filter((part) => part.ended !== undefined)
  if (ended.length > 0)
    return html`${renderTag('ENDED', 'fail')} ${text(ended.map(({ name }) => name).join(', '))}`
  if (alerts.state !== 'ok' || targets.state !== 'ok')
    return html`${renderTag('UNKNOWN', 'warn')} Prometheus does not answer`
  const firing = alerts.value.filter(({ state }) => state === 'firing')
  if (firing.length > 0) return html`${renderTag('FIRING', 'fail')} ${text(namesOf(firing))}`
  const down = targets.value.filter(({ health }) => health !== 'up')
  if (down.length > 0)
    return html`${renderTag('DOWN', 'warn')} ${text(`target ${down.map(({ job }) => job).join(', ')}`)}`
  if (targets.value.length === 0) return html`${renderTag('UNKNOWN', 'warn')} no target yet`
  return html`${renderTag('QUIET', 'pass')} All ${targets.value.length} targets are up, nothing fires`
}

function namesOf(alerts: readonly ActiveAlert[]): string {
  return [...new Set(alerts.map(({ labels }) => labels['alertname'] ?? ''))].join(', ')
}

function renderUnavailable(reason: string): Markup {
  return html`<p>${renderTag('UNKNOWN', 'warn')} ${text(reason)}</p>`
}

const tones: Readonly<Record<string, 'fail' | 'warn' | 'none'>> = {
  critical: 'fail',
  high: 'fail',
  medium: 'warn',
}

function renderAlerts(alerts: readonly ActiveAlert[], nowMs: number): Markup {
  if (alerts.length === 0) return html`<p class="quiet">No alert is pending or firing.</p>`
  return renderTable(
    ['alert', 'state', 'since (UTC)', 'what', 'open'],
    alerts.map(({ state, labels, annotations, sinceMs }) => {
      const { alertname = '', severity = '' } = labels
      const named = [
        ['runbook', annotations['runbook_url']],
        ['dashboard', annotations['dashboard_url']],
        ['query', queryPath(`ALERTS{alertname="${alertname}"}`)],
      ] as const
      const links = named.flatMap(([title, url]) => (url === undefined ? [] : [renderLink(url, title)]))
      return [
        html`<b class="whole">${text(alertname)}</b><br>${renderTag(severity, tones[severity] ?? 'none')}`,
        renderTag(state, state === 'firing' ? 'fail' : 'warn'),
        html`<span class="whole">${text(clockText(sinceMs))}</span><br><span class="quiet whole">${text(
          durationText(nowMs - sinceMs),
        )}</span>`,
        html`${text(annotations['summary'] ?? '')}`,
        html`${links.map((link) => html`${link} `)}`,
      ]
    }),
  )
}

function renderSilences(silences: Answer<readonly Silence[]>): Markup {
  if (silences.state !== 'ok') return renderUnavailable(silences.reason)
  const rows = silences.value.map(({ matchers, comment, endsAt }) => {
    const named = matchers.map(({ name, value }) => `${name}=${value}`).join(' ')
    return html`<li>${text(`${named} until ${clockText(Date.parse(endsAt))} UTC: ${comment}`)}</li>`
  })
  return html`${rows.length > 0 && html`<p>Silenced:</p><ul>${rows}</ul>`}<p>
${renderLink('/silences/new', 'Silence an alert')}</p>`
}

/** One line for each incident: how many messages, to whom, and whether it is over. */
export function renderIncidents(incidents: readonly Incident[], max: number): Markup {
  if (incidents.length === 0) return html`<p class="quiet">Nothing has arrived yet.</p>`
  const rows = incidents.slice(0, max).map((incident) => {
    const { id, name, deliveries } = incident
    const [first] = deliveries
    const over = isResolved(incident)
    return [
      html`<b>${renderLink(`/incidents/${id}`, name)}</b>`,
      renderTag(over ? 'resolved' : 'firing', over ? 'pass' : 'fail'),
      html`<span class="whole">${text(first === undefined ? '' : clockText(first.atMs))}</span>`,
      html`${text(receiversOf(deliveries))}`,
      html`${text(deliveries.at(-1)?.title ?? '')}`,
    ]
  })
  const more = incidents.length - rows.length
  return html`${renderTable(['alert', 'state', 'first (UTC)', 'reached', 'last message'], rows)}${
    more > 0 && html`<p>${renderLink('/incidents', `${more} more`)}</p>`
  }`
}

function receiversOf(deliveries: readonly Delivery[]): string {
  return [...Map.groupBy(deliveries, ({ via }) => via)]
    .map(([via, all]) => (all.length === 1 ? via : `${via} ×${all.length}`))
    .join(', ')
}

function renderParts({ parts, pages }: Overview): Markup {
  return renderTable(
    ['part', 'state', 'what', 'own pages', 'address'],
    parts.map(({ name, url, ended }) => [
      html`<b>${text(name)}</b>`,
      ended === undefined ? renderTag('up', 'pass') : renderTag('ended', 'fail'),
      html`${text(ended ?? (isComponent(name) ? components[name].about : ''))}`,
      html`${(pages[name] ?? []).map((path) => html`${renderLink(url + path, path)} `)}`,
      html`<code class="whole">${text(url)}</code>`,
    ]),
  )
}

function renderTargets(targets: readonly Target[]): Markup {
  if (targets.length === 0) return html`<p class="quiet">Prometheus has no target yet.</p>`
  return renderTable(
    ['job', 'health', 'address', 'error'],
    targets.map(({ job, health, url, error }) => [
      html`<b>${text(job)}</b>`,
      renderTag(health, health === 'up' ? 'pass' : health === 'down' ? 'fail' : 'warn'),
      html`${renderLink(url, url)}`,
      html`${text(error)}`,
    ]),
  )
}

/** Commands to paste while the stack is up. */
export function nextCommands(parts: readonly Pick<PartState, 'name' | 'url'>[]): string[] {
  const urlOf = (name: string): string => parts.find((part) => part.name === name)?.url ?? ''
  return [
    'vigil drill APIHighErrorRate',
    `PUSHGATEWAY_URL=${urlOf('pushgateway')} vigil load --target ${urlOf('backend')}`,
  ]
}

function renderNext(parts: readonly PartState[]): Markup {
  return html`<pre>${raw('')}${nextCommands(parts).map((command) => html`${text(command)}\n`)}</pre>`
}

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
