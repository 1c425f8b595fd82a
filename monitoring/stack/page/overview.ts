import { html, raw, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import type { Target } from '../parts.ts'
import { components, isComponent } from '../plan.ts'
import type { PartState } from '../plan.ts'
import { clockText, renderLink, renderTable, renderTag } from './layout.ts'
import { isHeldBack, renderAlerts, renderSilences, renderUnavailable, timeoutMs } from './alerts.ts'
import type { ActiveAlert, Answer, Handling } from './alerts.ts'
import { isResolved } from './messages.ts'
import type { Incident } from './messages.ts'

/** What the first page shows. `unavailable` where a part does not answer: then nothing is known of it. */
export interface Overview {
  parts: readonly PartState[]
  /** Paths of the parts' own pages, by the part's name. */
  pages: Readonly<Record<string, readonly string[]>>
  targets: Answer<readonly Target[]>
  alerts: Answer<readonly ActiveAlert[]>
  handling: Handling
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
    alerts.state === 'ok'
      ? renderAlerts(alerts.value, overview.handling, nowMs)
      : renderUnavailable(alerts.reason),
    renderSilences(overview.handling.silences),
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
function renderSummary({ alerts, targets, parts, handling: { handled } }: Overview): Markup {
  const ended = parts.filter((part) => part.ended !== undefined)
  if (ended.length > 0)
    return html`${renderTag('ENDED', 'fail')} ${text(ended.map(({ name }) => name).join(', '))}`
  if (alerts.state !== 'ok' || targets.state !== 'ok')
    return html`${renderTag('UNKNOWN', 'warn')} Prometheus does not answer`
  const firing = alerts.value.filter(({ state }) => state === 'firing')
  const known = handled.state === 'ok' ? handled.value : []
  const notified = firing.filter((alert) => !isHeldBack(alert, known))
  if (notified.length > 0) {
    const held = firing.length - notified.length
    const more = held > 0 && html` <span class="quiet small">${text(`and ${held} held back`)}</span>`
    return html`${renderTag('FIRING', 'fail')} ${text(namesOf(notified))}${more}`
  }
  if (firing.length > 0) return html`${renderTag('HELD BACK', 'warn')} ${text(namesOf(firing))}`
  const down = targets.value.filter(({ health }) => health !== 'up')
  if (down.length > 0)
    return html`${renderTag('DOWN', 'warn')} ${text(`target ${down.map(({ job }) => job).join(', ')}`)}`
  if (targets.value.length === 0) return html`${renderTag('UNKNOWN', 'warn')} no target yet`
  return html`${renderTag('QUIET', 'pass')} All ${targets.value.length} targets are up, nothing fires`
}

function namesOf(alerts: readonly ActiveAlert[]): string {
  return [...new Set(alerts.map(({ labels }) => labels['alertname'] ?? ''))].join(', ')
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
  // Drills break the service with its database; another service brings neither.
  const hasDrills = parts.some(({ name }) => name === 'postgres')
  return [
    ...(hasDrills ? ['vigil drill APIHighErrorRate'] : []),
    `PUSHGATEWAY_URL=${urlOf('pushgateway')} vigil load --target ${urlOf('backend')}`,
  ]
}

function renderNext(parts: readonly PartState[]): Markup {
  return html`<pre>${raw('')}${nextCommands(parts).map((command) => html`${text(command)}\n`)}</pre>`
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
