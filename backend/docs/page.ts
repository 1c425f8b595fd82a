import { createHash } from 'node:crypto'
import { z } from 'zod'

const operationShape = z.object({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.unknown())),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean(), description: z.string().optional(), schema: z.unknown() })).default([]),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: z.record(z.string(), z.object({ schema: z.unknown() })).optional() })),
})

const documentShape = z.object({ info: z.object({ title: z.string(), description: z.string() }), paths: z.record(z.string(), z.record(z.string(), operationShape)) })

type Operation = z.infer<typeof operationShape>

const style = `:root{color-scheme:light dark;--line:#8884;--soft:#8881}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer;overflow-wrap:anywhere}summary b{display:inline-block;min-width:4.2rem;font-family:ui-monospace,monospace}
code,pre{font-family:ui-monospace,monospace;font-size:.85rem}pre{background:var(--soft);padding:.6rem;overflow-x:auto;border-radius:.3rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
.lock{opacity:.7;font-size:.85rem}`

/** The only thing that the page may use besides itself: its own style, by its hash. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

/** A reference page of an OpenAPI document: plain HTML without scripts, readable on a phone and in the dark. */
export function referencePage(document: unknown): string {
  const { info, paths } = documentShape.parse(document)
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? '')
  const sections = [...byTag].map(([tag, group]) => `<h2>${escapeHtml(tag)}</h2>${group.map((one) => operationHtml(one.method, one.path, one.operation)).join('')}`)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(info.title)}</title><style>${style}</style></head><body><h1>${escapeHtml(info.title)}</h1><p>${escapeHtml(info.description)} The document for tools: <a href="/openapi.json">/openapi.json</a>.</p>${sections.join('')}</body></html>`
}

function operationHtml(method: string, path: string, operation: Operation): string {
  const lock = operation.security.length > 0 ? '<p class="lock">Needs a bearer token.</p>' : ''
  const parameters = operation.parameters.map((one) => `<tr><td><code>${escapeHtml(one.name)}</code></td><td>${escapeHtml(one.in)}${one.required ? ', required' : ''}</td><td>${escapeHtml(one.description ?? '')} <code>${compact(one.schema)}</code></td></tr>`)
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) => `<p>Body, <code>${escapeHtml(type)}</code></p><pre>${pretty(schema)}</pre>`)
  const answers = Object.entries(operation.responses).map(([status, one]) => `<tr><td><code>${escapeHtml(status)}</code></td><td>${escapeHtml(one.description)}</td></tr>`)
  const result = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1]
  const results = Object.entries(result?.content ?? {}).map(([type, { schema }]) => `<p>Answer, <code>${escapeHtml(type)}</code></p><pre>${pretty(schema)}</pre>`)
  return `<details id="${escapeHtml(operation.operationId)}"><summary><b>${escapeHtml(method)}</b> <code>${escapeHtml(path)}</code> ${escapeHtml(operation.summary)}</summary>${lock}<table>${parameters.join('')}</table>${bodies.join('')}<table>${answers.join('')}</table>${results.join('')}</details>`
}

function compact(schema: unknown): string {
  return escapeHtml(JSON.stringify(schema))
}

function pretty(schema: unknown): string {
  return escapeHtml(JSON.stringify(schema, undefined, 2))
}

function escapeHtml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')
}
