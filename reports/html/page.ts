import { createHash } from 'node:crypto'
import { html, raw, text } from './markup.ts'
import type { Markup } from './markup.ts'
import { style } from './style.ts'

/**
 * One file that needs nothing else. The policy allows this very stylesheet by its hash and no script, picture, font,
 * form, frame or request at all, so that even text that got past the escaping could do nothing.
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
