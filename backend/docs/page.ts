import { createHash } from 'node:crypto'
import { z } from 'zod'
import { defineEndpoint } from '../http/index.ts'
import type { Endpoint } from '../http/index.ts'
import { buildOpenApiDocument } from './openapi.ts'

const contentShape = z.record(z.string(), z.object({ schema: z.unknown(), example: z.unknown().optional() }))

const operationShape = z.object({
  operationId: z.string(),
  summary: z.string(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.unknown())),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean(),
        description: z.string().optional(),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: contentShape }).optional(),
  responses: z.record(
    z.string(),
    z.object({
      description: z.string(),
      headers: z.record(z.string(), z.unknown()),
      content: contentShape.optional(),
    }),
  ),
})

const documentShape = z.object({
  info: z.object({ title: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationShape)),
})

type Operation = z.infer<typeof operationShape>

const style = `
:root { color-scheme:light dark; --line:#8884; --soft:#8881 }
body { font:16px/1.5 system-ui,sans-serif; max-width:60rem; margin:0 auto; padding:1rem }
h1 { font-size:1.6rem }
h2 { font-size:1.2rem; margin-top:2.5rem; border-bottom:1px solid var(--line) }
h3 { font-size:1rem; margin:1rem 0 .3rem }
nav a { display:inline-block; padding:.2rem .8rem .2rem 0 }
details { border:1px solid var(--line); border-radius:.4rem; margin:.5rem 0; padding:.5rem .8rem }
details details { border:0; padding:0; margin:0 }
summary { cursor:pointer; overflow-wrap:anywhere }
summary span { opacity:.75 }
summary b { display:inline-block; min-width:4.2rem; font-family:ui-monospace,monospace }
.get { color:light-dark(#0b5cad,#7cb8ff) }
.post { color:light-dark(#1a7a35,#6fd08c) }
.patch { color:light-dark(#8a5a00,#e3b341) }
.delete { color:light-dark(#b3261e,#ff8a80) }
code,pre { font-family:ui-monospace,monospace; font-size:.85rem }
code { overflow-wrap:anywhere }
pre {
  background:var(--soft); padding:.6rem; margin:.3rem 0; overflow-x:auto; border-radius:.3rem;
  white-space:pre-wrap; overflow-wrap:anywhere;
}
table { border-collapse:collapse; width:100% }
td { text-align:left; vertical-align:top; padding:.3rem .8rem .3rem 0; border-bottom:1px solid var(--line) }
td:first-child { white-space:nowrap }
td:last-child { overflow-wrap:anywhere }
@media(max-width:40rem) {
  table,tbody,tr,td { display:block }
  td { border:0; padding:.1rem 0 }
  tr { border-bottom:1px solid var(--line); padding:.3rem 0 }
  td:first-child { white-space:normal }
}
.note { opacity:.75; font-size:.9rem }
`

/** Allows only the page's own style, by its hash. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** Renders an OpenAPI document as plain HTML without scripts, for phones and dark mode too. */
export function renderReferencePage(document: unknown): string {
  const { info, paths } = documentShape.parse(document)
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? '')
  const links = [...byTag.keys()].map((tag) => `<a href="#${toAnchor(tag)}">${escapeHtml(tag)}</a>`)
  const sections = [...byTag].map(([tag, group]) => {
    const shown = group.map((one) => renderOperation(one.method, one.path, one.operation))
    return `<h2 id="${toAnchor(tag)}">${escapeHtml(tag)}</h2>${shown.join('')}`
  })
  const title = escapeHtml(info.title)
  const head = [
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title}</title><style>${style}</style>`,
  ]
  const body = [
    `<h1>${title}</h1><p>${escapeHtml(info.description)}`,
    ` The document for tools: <a href="/openapi.json">/openapi.json</a>.</p><nav>${links.join('')}</nav>`,
    `<main>${sections.join('')}</main>`,
  ]
  return `<!doctype html><html lang="en"><head>${head.join('')}</head><body>${body.join('')}</body></html>`
}

function renderOperation(method: string, path: string, operation: Operation): string {
  const verb = `<b class="${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</b>`
  const text = `<code>${escapeHtml(path)}</code> <span>${escapeHtml(operation.summary)}</span>`
  const summary = `<summary>${verb} ${text}</summary>`
  const lock = operation.security.length > 0 ? '<p class="note">Requires a bearer token.</p>' : ''
  const [, success] = Object.entries(operation.responses).find(([status]) => status.startsWith('2')) ?? []
  const parts = [
    renderParameters(operation),
    renderBodies('Body', operation.requestBody?.content ?? {}),
    renderAnswers(operation),
    renderBodies('Answer', success?.content ?? {}),
  ]
  return `<details id="${escapeHtml(operation.operationId)}">${summary}${lock}${parts.join('')}</details>`
}

function renderParameters({ parameters }: Operation): string {
  const rows = parameters.map((one) => [
    `<code>${escapeHtml(one.name)}</code>`,
    `${escapeHtml(one.in)}${one.required ? ', required' : ''}`,
    `${renderProse(one.description ?? '')} <code>${escapeHtml(JSON.stringify(one.schema))}</code>`,
  ])
  return rows.length === 0 ? '' : `<h3>Parameters</h3>${renderTable(rows)}`
}

/** Headers of every answer, which the page does not repeat. */
const commonHeaderNames = new Set([
  'X-Request-Id',
  'traceparent',
  'Server-Timing',
  'RateLimit',
  'RateLimit-Policy',
])

function renderAnswers({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, one]) => {
    const headers = Object.keys(one.headers).filter((name) => !commonHeaderNames.has(name))
    return [
      `<code>${escapeHtml(status)}</code>`,
      escapeHtml(one.description),
      headers.map((name) => `<code>${escapeHtml(name)}</code>`).join(' '),
    ]
  })
  return `<h3>Answers</h3>${renderTable(rows)}`
}

function renderBodies(title: string, content: z.infer<typeof contentShape>): string {
  const bodies = Object.entries(content).map(([type, { schema, example }]) => {
    const shown = typeof example === 'string' ? example : JSON.stringify(example ?? {}, undefined, 2)
    const text = escapeHtml(JSON.stringify(schema, undefined, 2))
    const details = `<details><summary class="note">Schema</summary><pre>${text}</pre></details>`
    return `<h3>${title}, <code>${escapeHtml(type)}</code></h3><pre>${escapeHtml(shown)}</pre>${details}`
  })
  return bodies.join('')
}

function renderTable(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<table>${lines.join('')}</table>`
}

function toAnchor(tag: string): string {
  return tag.toLowerCase().replaceAll(/[^a-z]+/g, '-')
}

// Text in backticks is code.
function renderProse(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
}

function escapeHtml(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

export const docsPaths = ['/openapi.json', '/docs'] as const

/**
 * Builds `/openapi.json` and `/docs`, which describe `endpoints` and themselves. Both are rendered on the
 * first request.
 */
export function buildDocsEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  let made: { json: string; page: string } | undefined
  const documents = (): { json: string; page: string } => {
    if (made !== undefined) return made
    const document = buildOpenApiDocument([...endpoints, ...own])
    made = { json: JSON.stringify(document), page: renderReferencePage(document) }
    return made
  }
  const shared = { method: 'GET', tag: 'Operations', access: 'open', limit: 'none' } as const
  const own = [
    defineEndpoint({
      ...shared,
      path: '/openapi.json',
      id: 'getOpenApi',
      summary: 'This API as an OpenAPI 3.1 document',
      answers: { 200: { description: 'The document', schema: z.record(z.string(), z.unknown()) } },
      handle: () => ({
        status: 200,
        body: documents().json,
        headers: { 'content-type': 'application/json' },
      }),
    }),
    defineEndpoint({
      ...shared,
      path: '/docs',
      id: 'getDocs',
      summary: 'This API as a reference page',
      answers: { 200: { description: 'The page', content: { 'text/html': z.string() } } },
      handle: () => ({
        status: 200,
        body: documents().page,
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy },
      }),
    }),
  ]
  return own
}
