import { createHash } from 'node:crypto'
import { style } from './style.ts'

declare const safe: unique symbol
/**
 * Text that is markup. Only `html`, `element` and `raw` return it, so text from outside cannot be used as
 * markup.
 */
export type Markup = string & { readonly [safe]: true }

/** A value to escape. It is a class, so that unmarked text is a type error and not a vulnerability. */
export class Text {
  readonly value: string

  constructor(value: string) {
    this.value = value
  }
}

export function text(value: string): Text {
  return new Text(value)
}

/** Marks text of this folder as markup. Never use it for a value of a record. */
export function raw(markup: string): Markup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only place that adds the brand
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

/** Escapes text for an element or a quoted attribute. */
export function escapeHtml(value: string): string {
  return value.replaceAll(/[&<>"'`]/g, (character) => entities[character] ?? character)
}

type Part = Text | Markup | readonly Markup[] | number | undefined | false

/** A template that escapes values unless they are markup. Lists are joined; undefined and false are empty. */
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

/** An SVG or HTML element. Attribute values are escaped, undefined ones left out. */
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

// A tenth of a pixel is precise enough and keeps a file with forty charts small.
function shortNumber(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/**
 * A self-contained page. The policy allows its stylesheet by hash, and no script, picture, font, form, frame
 * or request, so that text which passed the escaping would have no effect.
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
