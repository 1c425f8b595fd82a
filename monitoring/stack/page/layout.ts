import { element, html, raw, style as reports, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'
import { dashboardStyle } from '../../grafana/static/page.ts'
import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { Marked } from 'marked'

/** What every page of the stack has in common. */
export interface Layout {
  title: string
  /** Seconds after which the browser loads the page again. Without it the page stays as it is. */
  refreshSeconds?: number
  /** `wide`: the whole window, for dashboards. */
  width?: 'wide'
}

const links: readonly (readonly [path: string, title: string])[] = [
  ['/', 'Overview'],
  ['/incidents', 'Notifications'],
  ['/dashboards', 'Dashboards'],
  ['/docs/runbooks/README.md', 'Runbooks'],
  ['/docs/onboarding.md', 'Onboarding'],
  ['/graph', 'Query'],
]

/**
 * Nothing but this page's own style, pictures of the documents and the sandboxed frames of mails. Forms go to
 * this server only.
 */
export const contentSecurityPolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-src 'self'; form-action 'self'; " +
  "base-uri 'none'; frame-ancestors 'none'"

/** A page without scripts. It refreshes itself by its header, so that it also works in a text browser. */
export function renderPage({ title, refreshSeconds, width }: Layout, body: readonly Markup[]): string {
  const refresh =
    refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${refreshSeconds}">`
  const navigation = links.map(([path, name]) => html`<li>${element('a', { href: path }, text(name))}</li>`)
  const top = html`<header class="top"><b>vigil up</b><nav><ul>${navigation}</ul></nav></header>`
  return renderShell(title, html`${refresh}`, html`${top}${element('main', { class: width }, [...body])}`)
}

/** A page in a file of its own. Mail in it may bring its style, and nothing that is loaded. */
export function renderFile(title: string, top: string, body: readonly Markup[]): string {
  const content = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
  const policy = html`<meta http-equiv="Content-Security-Policy" content="${text(content)}">`
  const header = html`<header class="top"><b>${text(top)}</b></header>`
  return renderShell(title, policy, html`${header}<main>${body}</main>`)
}

function renderShell(title: string, head: Markup, body: Markup): string {
  return `<!doctype html>
${html`<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">${head}
<title>${text(title)} · vigil</title><style>${raw(style)}</style></head>
<body>${body}</body></html>`}
`
}

/** A table that scrolls within the page, so that the page itself is never wider than a phone. */
export function renderTable(headings: readonly string[], rows: readonly (readonly Markup[])[]): Markup {
  const head = headings.map((heading) => html`<th>${text(heading)}</th>`)
  const body = rows.map((row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>`)
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${text(headings.join(', '))}">
<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

export function renderLink(href: string, title: string): Markup {
  return element('a', { href }, text(title))
}

/** A short word in the colour of a tone. */
export function renderTag(word: string, tone: 'pass' | 'fail' | 'warn' | 'none'): Markup {
  return element('span', { class: `tag tone-${tone}` }, text(word))
}

/** The name of an alert, which a narrow column breaks between its words only. */
export function renderName(name: string): Markup {
  const words = name.split(/(?<=[a-z])(?=[A-Z])/)
  return html`${words.map((word, index) => html`${raw(index > 0 ? '<wbr>' : '')}${text(word)}`)}`
}

/** `10:02:31` */
export function clockText(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19)
}

/** `42 s`, `12 min`, `3.5 h`, `2.1 d` */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  return seconds < 36 * 3600 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`
}

const style = `${reports}${dashboardStyle}
main{padding-bottom:60px}.panel{height:auto;min-height:84px}main.wide{max-width:1700px}
header.top{align-items:baseline}header.top nav ul{margin-top:0}
h1{font-size:24px;line-height:1.3;margin-top:26px}main h2{margin-top:34px}main h3{margin-top:22px}
main p,main ul,main ol,main pre,main>table{margin-top:10px}
main ol,.document ul{padding-left:24px}
pre{padding:10px 14px;border:1px solid var(--rule);border-radius:6px;background:var(--card);overflow-x:auto;
white-space:pre;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre a{text-decoration:none}pre a:hover{text-decoration:underline}
.document{max-width:80ch}.document img{max-width:100%;height:auto}
.document table{display:block;overflow-x:auto}
.query textarea{width:100%;min-height:5em;padding:8px;border:1px solid var(--rule);border-radius:6px;
background:var(--card);color:var(--ink);font:13px/1.5 ui-monospace,Menlo,Consolas,monospace}
form label{display:block;margin-top:12px}form input{width:100%;max-width:36em;padding:6px 8px;
border:1px solid var(--rule);border-radius:4px;background:var(--card);color:var(--ink);font:inherit}
button{margin-top:12px;padding:6px 16px;border:1px solid var(--rule);border-radius:4px;
background:var(--faint);
color:var(--ink);font:inherit;cursor:pointer}
.message{margin-top:16px}.message>p{font-size:13px;color:var(--muted);margin:0 0 6px}
.slack{border:1px solid var(--rule);border-left:4px solid var(--tone);border-radius:4px;
background:var(--card);padding:10px 14px;max-width:640px}.slack .body{white-space:pre-wrap;margin-top:6px}
.slack dd.body{margin-top:0}
.slack .buttons a{display:inline-block;margin:10px 8px 0 0;padding:3px 12px;border:1px solid var(--rule);
border-radius:4px;text-decoration:none;font-weight:600;font-size:13px}
.sms+p{font-size:12px;color:var(--muted);margin:4px 0 0}
.message details{margin-top:6px}.message details pre{max-height:340px;overflow:auto;white-space:pre-wrap}
.messages>summary{font-weight:650;cursor:pointer;margin-top:14px}.label{display:none}
.lanes{display:grid;grid-template-columns:minmax(96px,max-content) minmax(0,1fr);gap:5px 14px;
align-items:center;margin-top:14px;font-size:13px}
.lanes svg{display:block;width:100%;height:14px;background:var(--faint);border-radius:3px;overflow:visible}
.lanes rect{fill:var(--tone)}.lanes rect.soft{opacity:.45}.lanes circle{fill:var(--tone);stroke:var(--card)}
.sms{max-width:340px;padding:10px 14px;border-radius:16px 16px 16px 4px;background:var(--faint);
white-space:pre-wrap}
iframe{display:block;width:100%;max-width:680px;height:420px;border:1px solid var(--rule);border-radius:6px;
background:var(--card)}
@media (max-width:640px){.scroll thead{display:none}.scroll tr{display:flex;flex-wrap:wrap;gap:3px 12px;
padding:9px 12px;border-top:1px solid var(--faint)}.scroll td{padding:0;border:0}
.label{display:inline;color:var(--muted)}iframe{height:560px}
h1{font-size:21px}header.top nav ul{gap:6px 16px}}
`

/** A file that the page shows: a document as markup, a configuration as text, a picture. */
export type Document =
  | { state: 'ok'; kind: 'markup'; title: string; body: Markup }
  | { state: 'ok'; kind: 'text'; content: string }
  | { state: 'ok'; kind: 'picture'; content: Uint8Array<ArrayBuffer> }
  | { state: 'missing' }

/**
 * Only what people are sent to: documents, pictures, rules and templates. Segments that begin with a dot are
 * refused, so that no path leaves the folder or reaches a hidden one.
 */
const shown =
  /^(?:docs|monitoring)\/(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.(?:md|png|yml|tmpl)$|^[A-Z]+\.md$|^backend\/README\.md$/

export async function readDocument(root: string, path: string): Promise<Document> {
  if (!shown.test(path)) return { state: 'missing' }
  const content = await readFile(join(root, path)).catch(() => undefined)
  if (content === undefined) return { state: 'missing' }
  if (path.endsWith('.png')) return { state: 'ok', kind: 'picture', content: new Uint8Array(content) }
  const written = content.toString('utf8')
  if (!path.endsWith('.md')) return { state: 'ok', kind: 'text', content: written }
  const title = /^# (.+)$/m.exec(written)?.[1] ?? path
  return { state: 'ok', kind: 'markup', title, body: renderDocument(written, path) }
}

/**
 * A Markdown file as markup. Its relative links work on this page, each PromQL query opens the query page,
 * and HTML in it is shown as text.
 */
export function renderDocument(markdown: string, path: string): Markup {
  const marked = new Marked({ gfm: true })
  marked.use({
    renderer: {
      heading({ tokens, depth }) {
        const content = this.parser.parseInline(tokens)
        return element(
          `h${depth}`,
          { id: toAnchor(this.parser.parseInline(tokens, this.parser.textRenderer)) },
          [raw(content)],
        )
      },
      link({ href, tokens }) {
        const content = raw(this.parser.parseInline(tokens))
        return element('a', { href: resolveLink(href, path) }, [content])
      },
      image({ href, text: alternative }) {
        return element('img', { src: resolveLink(href, path), alt: alternative })
      },
      code({ text: code, lang }) {
        return html`<pre>${lang === 'promql' ? renderQueries(code) : text(code)}</pre>`
      },
      html({ text: written }) {
        return html`${text(written)}`
      },
    },
  })
  return raw(marked.parse(markdown, { async: false }))
}

/** Each line is a query; a line that begins with a space continues the one before. */
function renderQueries(code: string): Markup[] {
  return code.split(/\n(?!\s)/).map((query) => {
    const expression = query.replace(/\s+#[^"]*$/, '')
    return expression.trim() === '' || expression.startsWith('#')
      ? html`${text(query)}\n`
      : html`${element('a', { href: queryPath(expression), title: 'Run this query' }, text(query))}\n`
  })
}

/** In the form of Prometheus' own links, which notifications contain. */
export function queryPath(expression: string): string {
  return `/graph?g0.expr=${encodeURIComponent(expression)}`
}

/** Other schemes than http and https are dropped: a document needs none. */
function resolveLink(href: string, path: string): string {
  if (/^https?:/i.test(href) || href.startsWith('#')) return href
  if (/^[a-z][a-z\d+.-]*:/i.test(href)) return '#'
  const [file = '', anchor] = href.split('#')
  const target = posix.join('/', posix.dirname(path), file)
  return anchor === undefined ? target : `${target}#${anchor}`
}

/** As GitHub: lower case, without punctuation, with hyphens for spaces. */
function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')
}
