import { createHash } from 'node:crypto'
import { style } from './style.ts'

declare const safe: unique symbol
/**
 * Text that is markup already. Only `html`, `element` and `raw` make it, so nothing from outside can pass
 * for it.
 */
export type Markup = string & { readonly [safe]: true }

/**
 * A value that is to be escaped. A class of its own, so that forgetting to mark text is a type error, not a
 * hole.
 */
export class Text {
  readonly value: string

  constructor(value: string) {
    this.value = value
  }
}

export function text(value: string): Text {
  return new Text(value)
}

/** Vouches for text that this folder wrote itself. Never for a value of a record. */
export function raw(markup: string): Markup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the brand exists in types only; this is
  // the one place that gives it
  return markup as Markup
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/** Text for an element or a quoted attribute. */
export function escapeHtml(value: string): string {
  return value.replaceAll(/[&<>"'`]/g, (character) => entities[character] ?? character)
}

type Part = Text | Markup | readonly Markup[] | number | undefined | false

/**
 * A template whose values are escaped unless they are markup themselves; lists are joined, undefined and
 * false are nothing.
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return raw(
    strings.reduce(
      (written, string, index) => written + (index === 0 ? '' : partText(parts[index - 1])) + string,
      '',
    ),
  )
}

function partText(part: Part): string {
  if (part === undefined || part === false) return ''
  if (part instanceof Text) return escapeHtml(part.value)
  return typeof part === 'object' ? part.join('') : String(part)
}

/**
 * An SVG or HTML element from a table of attributes; values are escaped, those that are undefined are left
 * out.
 */
export function element(
  name: string,
  attributes: Record<string, string | number | undefined>,
  children: Markup | readonly Markup[] | Text = raw(''),
): Markup {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [` ${key}="${escapeHtml(typeof value === 'number' ? shortNumber(value) : value)}"`],
  )
  return raw(`<${name}${written.join('')}>${partText(children)}</${name}>`)
}

// A tenth of a pixel is enough, and keeps a file with forty charts small.
function shortNumber(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/**
 * One file that needs nothing else. The policy allows this very stylesheet by its hash and no script,
 * picture, font, form, frame or request at all, so that even text that got past the escaping could do
 * nothing.
 */
export function page(title: string, body: readonly Markup[]): string {
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${text(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${text(title)}</title>
<style>${raw(style)}</style>
</head>
<body>
${body}
</body>
</html>
`
}
