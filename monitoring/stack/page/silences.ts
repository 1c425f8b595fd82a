import { element, html, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import { postSilence } from './live.ts'

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
