import { z } from 'zod'
import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import { findNamedAlerts } from '../../receivers/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import { clockText } from './layout.ts'

/** The notifications of one alert from its first message until it has resolved. */
export interface Incident {
  /** Unique, and the same while the incident grows. */
  id: string
  name: string
  /** Oldest first. */
  deliveries: Delivery[]
}

/** Grafana's and Alertmanager's own state of an incident: resolved once the last message says so. */
export function isResolved({ deliveries }: Incident): boolean {
  return deliveries.at(-1)?.status === 'resolved'
}

/**
 * Puts notifications together by the alert that they name: the first known name in the title, otherwise the
 * first one in the text. A message that it fires after one that it has resolved begins a new incident.
 * The latest incident comes first.
 */
export function toIncidents(deliveries: readonly Delivery[], alertNames: readonly string[]): Incident[] {
  const incidents: Incident[] = []
  const latest = new Map<string, Incident>()
  for (const delivery of deliveries) {
    const [name = delivery.title || 'a message without a title'] = findNamedAlerts(delivery, alertNames)
    const open = latest.get(name)
    if (open !== undefined && !(isResolved(open) && delivery.status === 'firing')) {
      open.deliveries.push(delivery)
      continue
    }
    const incident = { id: `${delivery.atMs}-${incidents.length}`, name, deliveries: [delivery] }
    incidents.push(incident)
    latest.set(name, incident)
  }
  return incidents.toReversed()
}

/** A message as its reader sees it: a Slack card, a mail in a sandboxed frame, a text message, a page. */
export function renderMessage(delivery: Delivery): Markup {
  const { via, address, atMs, response } = delivery
  const refused =
    response.state === 'invalid' &&
    html` <b class="over">refused: ${text(response.reason)} (${response.status})</b>`
  const head = html`<p>${text(`${clockText(atMs)} UTC · ${via} · ${address}`)}${refused}</p>`
  return html`<div class="message">${head}${renderContent(delivery)}${renderSource(delivery)}</div>`
}

/** What a webhook got, as it got it. */
function renderSource({ via, text: content }: Delivery): Markup | undefined {
  const json = via === 'slack' || via === 'pagerduty' ? parseJson(content) : undefined
  if (json === undefined) return undefined
  const written = JSON.stringify(json, undefined, 2)
  return html`<details><summary>JSON</summary><pre>${text(written)}</pre></details>`
}

/** A message in the alphabet of SMS has room for 160 characters; with others, for 70. */
function describeLength(content: string): string {
  const room = /^[\n -~]*$/.test(content) ? 160 : 70
  const parts = content.length > room ? `, sent as ${Math.ceil(content.length / (room - 7))} parts` : ''
  return `${content.length} of ${room} characters${parts}`
}

function renderContent(delivery: Delivery): Markup {
  if (delivery.response.state === 'invalid') return html`<pre>${text(delivery.text)}</pre>`
  switch (delivery.via) {
    case 'slack':
      return renderSlack(delivery)
    case 'email':
      return renderMail(delivery)
    case 'sms':
      return html`<div class="sms">${linkAddresses(delivery.text)}</div>
<p>${text(describeLength(delivery.text))}</p>`
    case 'pagerduty':
      return renderPage(delivery)
  }
}

const button = z.object({ text: z.string(), url: z.string().optional() })
const slackMessage = z.object({
  text: z.string().optional(),
  attachments: z
    .array(
      z.object({
        color: z.string().optional(),
        title: z.string().optional(),
        title_link: z.string().optional(),
        pretext: z.string().optional(),
        text: z.string().optional(),
        footer: z.string().optional(),
        fields: z.array(z.object({ title: z.string(), value: z.string() })).nullish(),
        actions: z.array(button).nullish(),
      }),
    )
    .default([]),
})

const slackTones: Readonly<Record<string, string>> = { good: 'pass', warning: 'warn', danger: 'fail' }

function renderSlack(delivery: Delivery): Markup {
  const read = slackMessage.safeParse(parseJson(delivery.text))
  if (!read.success) return html`<pre>${text(delivery.text)}</pre>`
  const cards = read.data.attachments.map((card) => {
    const tone = slackTones[card.color ?? ''] ?? 'none'
    const fields = (card.fields ?? []).map(
      ({ title, value }) => html`<dt>${text(title)}</dt><dd>${text(value)}</dd>`,
    )
    const buttons = (card.actions ?? []).map((one) => renderUntrustedLink(one.url ?? '', one.text))
    return element('div', { class: `slack tone-${tone}` }, [
      ...(card.pretext === undefined ? [] : [html`<div>${renderMrkdwn(card.pretext)}</div>`]),
      html`<b>${renderUntrustedLink(card.title_link ?? '', card.title ?? '')}</b>`,
      html`<div class="body">${renderMrkdwn((card.text ?? '').trim())}</div>`,
      fields.length === 0 ? html`` : html`<dl>${fields}</dl>`,
      html`<div class="buttons">${buttons}</div>`,
      html`<div class="quiet small">${text(card.footer ?? '')}</div>`,
    ])
  })
  const lead = read.data.text === undefined ? html`` : html`<div>${renderMrkdwn(read.data.text)}</div>`
  return html`${lead}${cards}`
}

/** Slack's `<https://…|title>` and `*bold*`; everything else is text. */
function renderMrkdwn(content: string): Markup[] {
  return content.split(/(<https?:\/\/[^>\s]+>|\*[^*\n]+\*)/).map((part) => {
    const link = /^<(https?:\/\/[^|>]+)(?:\|([^>]*))?>$/.exec(part)
    if (link) return renderUntrustedLink(link[1] ?? '', link[2] ?? link[1] ?? '')
    const bold = /^\*([^*]+)\*$/.exec(part)
    return bold ? html`<b>${text(bold[1] ?? '')}</b>` : html`${text(part)}`
  })
}

/** The plain text comes first; a mail client shows the HTML where there is one. */
function renderMail({ title, text: content }: Delivery): Markup {
  const start = /<!doctype html|<html/i.exec(content)?.index
  if (start === undefined) return html`<pre>${text(content)}</pre>`
  return html`<div><b>${text(title)}</b></div>${element('iframe', {
    // No script, no form, no navigation; links open in a new tab.
    sandbox: 'allow-popups',
    title: `Mail: ${title}`,
    loading: 'lazy',
    srcdoc: `<base target="_blank">${content.slice(start)}`,
  })}`
}

const pageEvent = z.object({
  payload: z
    .object({
      severity: z.string(),
      custom_details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  links: z.array(z.object({ href: z.string(), text: z.string() })).nullish(),
})

function renderPage({ title, text: content, status }: Delivery): Markup {
  const read = pageEvent.safeParse(parseJson(content))
  if (!read.success) return html`<pre>${text(content)}</pre>`
  const { payload, links } = read.data
  const details = Object.entries(payload?.custom_details ?? {})
    .filter(([, value]) => typeof value === 'string' && value.trim() !== '')
    .map(
      ([key, value]) =>
        html`<dt>${text(key)}</dt><dd class="body">${linkAddresses(String(value).trim())}</dd>`,
    )
  const buttons = (links ?? []).map((link) => renderUntrustedLink(link.href, link.text))
  return element('div', { class: `slack tone-${status === 'resolved' ? 'pass' : 'fail'}` }, [
    html`<b>${text(title)}</b><dl>${details}</dl><div class="buttons">${buttons}</div>`,
  ])
}

/** As a telephone and PagerDuty do. */
function linkAddresses(content: string): Markup[] {
  return content.split(/(https?:\/\/\S+)/).map((part) => renderUntrustedLink(part, part))
}

/** Text of a notification never becomes a link that runs a script. */
function renderUntrustedLink(url: string, title: string): Markup {
  return /^https?:\/\//i.test(url)
    ? element('a', { href: url, rel: 'noreferrer' }, text(title))
    : html`${text(title)}`
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
