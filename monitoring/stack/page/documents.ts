import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { Marked } from 'marked'
import { element, html, raw, text } from '../../../reports/html/index.ts'
import type { Markup } from '../../../reports/html/index.ts'

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
