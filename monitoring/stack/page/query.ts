import { html, text, element } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import { queryInstant, queryRange } from '../../grafana/query/prometheus.ts'
import type { Series, View } from '../../grafana/query/prometheus.ts'
import type { PanelJson } from '../../grafana/query/read.ts'
import { drawTimeSeries } from '../../grafana/static/time-series.ts'
import { renderTable } from './layout.ts'
import { reasonOf, postSilence } from './alerts.ts'

interface Clock {
  scrapeSeconds: number
  now: () => number
}

/** The last minutes, in steps that a screen can show, with windows of at least four scrapes. */
export function queryView({ scrapeSeconds, now }: Clock, prometheus: string, minutes: number): View {
  const to = Math.floor(now() / 1000)
  const step = Math.max(1, Math.round((minutes * 60) / 240))
  const window = Math.max(60, 4 * scrapeSeconds, 4 * step)
  return { prometheus, span: { from: to - minutes * 60, to, step }, window, scrapeInterval: scrapeSeconds }
}

const minutes = 60
const maxRows = 100

const hourPanel: PanelJson = {
  id: 1,
  type: 'timeseries',
  title: 'Last hour',
  description: 'The values of the query over the last hour',
  gridPos: { x: 0, y: 0, w: 24, h: 10 },
  targets: [{ refId: 'A', expr: '', instant: false }],
  fieldConfig: { defaults: {}, overrides: [] },
}

/** A query, its current values and the last hour. Its URL is that of Prometheus' own query page. */
export async function renderQuery(clock: Clock, prometheus: string, expression: string): Promise<Markup[]> {
  const form = html`<form class="query" action="/graph"><textarea name="g0.expr" aria-label="PromQL query"
spellcheck="false">${text(expression)}</textarea><button>Run</button></form>`
  const heading = html`<h1>Query</h1>`
  if (expression.trim() === '') return [heading, form]
  try {
    return [heading, form, ...(await results(queryView(clock, prometheus, minutes), expression))]
  } catch (error) {
    return [heading, form, html`<p class="over">Prometheus does not answer: ${text(reasonOf(error))}</p>`]
  }
}

async function results({ prometheus, span }: View, expression: string): Promise<Markup[]> {
  const [now, range] = await Promise.all([
    queryInstant(prometheus, expression, span.to),
    queryRange(prometheus, expression, span),
  ])
  if (now.state === 'invalid') return [html`<p class="over">${text(now.reason)}</p>`]
  if (range.state === 'invalid') return [html`<p class="over">${text(range.reason)}</p>`]
  const drawing = drawTimeSeries({
    panel: hourPanel,
    results: hourPanel.targets.map((target) => ({ target, expr: expression, result: range })),
    span,
    marks: [],
    size: { width: 1000, height: 320 },
  })
  if (now.series.length === 0) return [html`<h2>Now</h2><p class="quiet">No series.</p>`, ...drawing]
  const rows = now.series
    .slice(0, maxRows)
    .map((series) => [html`<code>${text(labelsText(series))}</code>`, html`${text(valueText(series))}`])
  const more = now.series.length - rows.length
  return [
    html`<h2>Now</h2>`,
    renderTable(['series', 'value'], rows),
    html`${more > 0 && html`<p class="quiet">and ${more} more</p>`}<h2>Last hour</h2>`,
    html`<div class="panel query-result">${drawing}</div>`,
  ]
}

function labelsText({ labels }: Series): string {
  const { __name__: name = '', ...others } = labels
  return `${name}{${Object.entries(others)
    .map(([key, value]) => `${key}="${value}"`)
    .join(', ')}}`
}

function valueText({ samples }: Series): string {
  const value = samples.at(-1)?.value ?? Number.NaN
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value)
}

/** A condition on a label, in the notation of Alertmanager's own links. */
interface Matcher {
  name: string
  value: string
  isRegex: boolean
  isEqual: boolean
}

const matcher = /([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,{}"]+))/g

/** The matchers of `{alertname="X",severity=~"a|b"}`; undefined for other texts. */
export function parseMatchers(filter: string): Matcher[] | undefined {
  const inner = filter.trim().replace(/^\{([^]*)\}$/, '$1')
  const rest = inner.replaceAll(matcher, '').replaceAll(/[\s,]/g, '')
  const found = [...inner.matchAll(matcher)].map(([, name = '', operator = '', quoted, bare]) => ({
    name,
    value: quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/g, '$1'),
    isRegex: operator.endsWith('~'),
    isEqual: operator.startsWith('='),
  }))
  return found.length === 0 || rest !== '' ? undefined : found
}

function input(name: string, title: string, value: string): Markup {
  return element('label', {}, [
    html`${text(title)}<br>${element('input', { name, value, required: '', autocomplete: 'off' })}`,
  ])
}

/** The form that "Silence" in a notification opens, with the alert's labels filled in. */
export function renderSilenceForm(filter: string): Markup[] {
  return [
    html`<h1>Silence an alert</h1><p class="quiet">For at most a day. For planned work, push a
<a href="/docs/runbooks/maintenance.md">maintenance window</a> instead.</p>`,
    element('form', { method: 'post', action: '/silences/new' }, [
      input('filter', 'Labels', filter === '' ? '{alertname=""}' : filter),
      input('hours', 'Hours', '4'),
      input('author', 'Your name', ''),
      input('comment', 'Reason', ''),
      html`<button>Silence</button>`,
    ]),
  ]
}

export type SilenceResult = { state: 'ok' } | { state: 'invalid' | 'unavailable'; reason: string }

const maxHours = 24

export async function createSilence(
  alertmanagerUrl: string,
  form: URLSearchParams,
  nowMs: number,
): Promise<SilenceResult> {
  const matchers = parseMatchers(form.get('filter') ?? '')
  const hours = Number(form.get('hours') ?? '')
  const comment = (form.get('comment') ?? '').trim()
  const createdBy = (form.get('author') ?? '').trim()
  if (matchers === undefined || matchers.every(({ value }) => value === ''))
    return { state: 'invalid', reason: 'Labels: expected matchers such as {alertname="APISlow"}' }
  if (!(hours > 0 && hours <= maxHours))
    return { state: 'invalid', reason: `Hours: expected a number above 0 and at most ${maxHours}` }
  if (comment === '' || createdBy === '')
    return { state: 'invalid', reason: 'Your name and the reason: expected a text' }
  return postSilence(alertmanagerUrl, {
    matchers,
    comment,
    createdBy,
    startsAt: new Date(nowMs).toISOString(),
    endsAt: new Date(nowMs + hours * 3_600_000).toISOString(),
  })
}
