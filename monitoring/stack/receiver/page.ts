import type { Delivery } from '../../receivers/index.ts'

const mostShown = 200

/** The last notifications, newest first. Self-contained; nothing in it is the notifier's markup. */
export function page(all: readonly Delivery[]): string {
  const rows = all.slice(-mostShown).toReversed().map(row).join('\n')
  const table =
    rows === ''
      ? '<p>Nothing has arrived yet.</p>'
      : `<table><tr><th>time (UTC)<th>by<th>to<th>status<th>what</tr>\n${rows}\n</table>`
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>vigil: notifications</title><style>${style}</style><h1>Notifications</h1>${table}</html>`
}

function row({ atMs, via, address, status, title, text, response }: Delivery): string {
  const refused = response.state === 'invalid' ? ` <b>refused: ${escape(response.reason)}</b>` : ''
  return `<tr class="${status}"><td>${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}<td>${via}<td>${escape(address)}<td>${status}<td><details><summary>${escape(title)}${refused}</summary><pre>${escape(text)}</pre></details></tr>`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

const style = `body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color-scheme:light dark}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884}
.firing td:nth-child(4){color:#c62828}.resolved td:nth-child(4){color:#2e7d32}pre{white-space:pre-wrap;overflow-wrap:anywhere}`
