import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import {
  durationText,
  renderFile,
  renderLink,
  renderMessage,
  renderTable,
  renderTag,
} from '../../stack/index.ts'
import type { Delivery } from '../../receivers/index.ts'
import type { DrillEvent, DrillResult } from '../table/drill.ts'
import { byRequirement, judgeDrills, lostText, shortDestination, summaryText } from './report.ts'
import type { DrillsReport } from './run-drills.ts'

const tones = { pass: 'pass', fail: 'fail', invalid: 'warn' } as const
const stateTags = {
  passed: renderTag('PASS', 'pass'),
  failed: renderTag('LOST', 'fail'),
  interrupted: renderTag('INTERRUPTED', 'warn'),
}

/** The drills as one file without scripts: each hop with its time, and each message as its reader sees it. */
export function drillsPage(report: DrillsReport, speed: number): string {
  const verdict = judgeDrills(report)
  const results = report.results.toSorted(byRequirement)
  return renderFile(`${verdict.toUpperCase()}: alert drills`, 'vigil drill', [
    html`<h1>${renderTag(verdict.toUpperCase(), tones[verdict])} ${text(summaryText(report))}</h1>
<p class="quiet">${text(
      `In ${durationText(report.seconds * 1000)}, on a clock ${speed} times as fast as production's. ` +
        'Times in parentheses are those of production.',
    )}</p>`,
    ...[...report.problems, ...report.unexpected.map((line) => `Unexpected: ${line}`)].map(
      (line) => html`<p class="callout">${text(line)}</p>`,
    ),
    html`<h2>Drills</h2>`,
    renderTable(
      ['', 'alert', 'fault', 'fires after', 'resolved after', 'messages'],
      results.map((result) => renderRow(result, speed)),
    ),
    ...results.map((result) => renderDrill(result, speed)),
    renderOthers(report),
  ])
}

/** A phone has no heading row. */
function label(name: string): Markup {
  return html`<span class="label">${text(name)} </span>`
}

function renderRow(result: DrillResult, speed: number): Markup[] {
  const { alert, requirement } = result
  const seconds = (name: string, value: number | undefined): Markup =>
    html`<span class="whole">${label(name)}${text(
      value === undefined ? '–' : timeText(value * 1000, speed),
    )}</span>`
  return [
    stateTags[result.state],
    html`<span class="whole">${renderLink(`#${alert}`, `${requirement} ${alert}`)}</span>`,
    html`${text(result.fault)}`,
    seconds('fires after', result.fireSeconds),
    seconds('resolved after', result.stays === undefined ? result.resolveSeconds : undefined),
    html`${label('messages')}${result.messages.length}`,
  ]
}

function renderDrill(result: DrillResult, speed: number): Markup {
  const { alert, requirement, fault, events, messages, standIn, stays } = result
  const [first] = events
  const notes = [
    ...(standIn === undefined ? [] : [`Simulated: ${standIn}.`]),
    ...(stays === undefined ? [] : [`The resolution was not awaited: ${stays}.`]),
  ]
  return element('section', { id: alert }, [
    html`<h2>${text(`${requirement} ${alert}`)} ${stateTags[result.state]}</h2>
<p>${text(`${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`)} ${text(notes.join(' '))}</p>`,
    result.state === 'passed' ? html`` : html`<p class="callout">${text(lostText(result))}</p>`,
    first === undefined ? html`` : renderLanes(events),
    first === undefined ? html`` : renderEvents(events, first.atMs, speed),
    messages.length === 0
      ? html`<h3>No one got a message</h3>`
      : renderMessages('What people got', messages, result.state === 'passed'),
  ])
}

/** Folded where nothing is wrong with them: those of all drills are a hundred screens. */
function renderMessages(what: string, messages: readonly Delivery[], isFolded: boolean): Markup {
  const title = `${what}: ${messages.length === 1 ? '1 message' : `${messages.length} messages`}`
  return element('details', { class: 'messages', ...(!isFolded && { open: '' }) }, [
    html`<summary>${text(title)}</summary>`,
    ...messages.map(renderMessage),
  ])
}

/** Bars on one time axis: the fault, each alert pending and firing, and the messages of each receiver. */
function renderLanes(events: readonly DrillEvent[]): Markup {
  const times = events.map(({ atMs }) => atMs)
  const [from, to] = [Math.min(...times), Math.max(...times)]
  const scale: Scale = { to, percent: (atMs) => (100 * (atMs - from)) / Math.max(1, to - from) }
  const subjects = (hop: DrillEvent['hop']): string[] => [
    ...new Set(events.filter((event) => event.hop === hop).map(({ subject }) => subject)),
  ]
  return html`<div class="lanes">${[
    ...subjects('fault').map((alert) =>
      renderLane('fault', [
        bar(
          scale,
          at(events, 'fault', alert) ?? from,
          at(events, 'fault ends', alert) ?? to,
          'tone-none',
          'fault',
        ),
      ]),
    ),
    ...subjects('pending').map((alert) => renderAlertLane(events, alert, scale)),
    ...subjects('receiver').map((receiver) => renderReceiverLane(events, receiver, scale)),
  ]}</div>`
}

interface Scale {
  /** The last moment. */
  to: number
  percent: (atMs: number) => number
}

function at(events: readonly DrillEvent[], hop: DrillEvent['hop'], subject: string): number | undefined {
  return events.find((event) => event.hop === hop && event.subject === subject)?.atMs
}

function renderLane(name: string, marks: readonly Markup[]): Markup {
  return html`<span>${text(name)}</span>${element('svg', { role: 'img', 'aria-label': name }, marks)}`
}

function bar({ percent }: Scale, startMs: number, endMs: number, tone: string, title: string): Markup {
  const x = percent(startMs)
  const width = Math.max(0.3, percent(endMs) - x)
  return element('rect', { class: tone, x: `${x.toFixed(2)}%`, width: `${width.toFixed(2)}%`, height: 14 }, [
    html`<title>${text(title)}</title>`,
  ])
}

function renderAlertLane(events: readonly DrillEvent[], alert: string, scale: Scale): Markup {
  const pending = at(events, 'pending', alert) ?? scale.to
  const firing = at(events, 'firing', alert)
  const resolved = at(events, 'resolved', alert) ?? scale.to
  return renderLane(alert, [
    bar(scale, pending, firing ?? resolved, 'tone-warn soft', 'pending'),
    ...(firing === undefined ? [] : [bar(scale, firing, resolved, 'tone-fail', 'firing')]),
  ])
}

function renderReceiverLane(events: readonly DrillEvent[], receiver: string, scale: Scale): Markup {
  const marks = events
    .filter(({ hop, subject }) => hop === 'receiver' && subject === receiver)
    .map((event) => {
      const tone = event.text.startsWith('RESOLVED') ? 'tone-pass' : 'tone-fail'
      const shape = { class: tone, cx: `${scale.percent(event.atMs).toFixed(2)}%`, cy: 7, r: 6 }
      return element('circle', shape, [html`<title>${text(event.text)}</title>`])
    })
  return renderLane(shortDestination(receiver), marks)
}

const hopNames: Readonly<Record<DrillEvent['hop'], string>> = {
  fault: 'fault begins',
  pending: 'rule, pending',
  firing: 'firing',
  alertmanager: 'Alertmanager',
  inhibition: 'Alertmanager',
  receiver: 'receiver',
  'fault ends': 'fault ends',
  resolved: 'resolved',
}

function renderEvents(events: readonly DrillEvent[], fromMs: number, speed: number): Markup {
  return renderTable(
    ['after', 'hop', 'what'],
    events.map(({ atMs, hop, subject, text: what }) => [
      html`<span class="whole">${text(timeText(atMs - fromMs, speed))}</span>`,
      html`<span class="whole">${text(hopNames[hop])}</span>`,
      html`${text(hop === 'receiver' ? `${shortDestination(subject)}: ${what}` : what)}`,
    ]),
  )
}

/** `4.2 s (4 min)`: of the drill's clock, and of production's. */
function timeText(ms: number, speed: number): string {
  return `${(ms / 1000).toFixed(1)} s (${durationText(ms * speed)})`
}

/** Messages that belong to no drill, such as the daily notices. */
function renderOthers({ results, messages }: DrillsReport): Markup {
  const known = new Set<Delivery>(results.flatMap((result) => result.messages))
  const others = messages.filter((message) => !known.has(message))
  if (others.length === 0) return html``
  const left = others.length - maxOthers
  return html`<section id="others"><h2>Other messages</h2>
<p class="quiet">Of no drill: watchdog mails and notices, and whatever is unexpected.</p>
${renderMessages('The first', others.slice(0, maxOthers), true)}
${left > 0 && html`<p>${left} more are in messages.jsonl.</p>`}</section>`
}

const maxOthers = 30
