import { hash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { Content, Document, Operation } from './openapi.ts'

const style = `
:root { color-scheme:light dark; --line:#8884; --soft:#8881 }
body { font:16px/1.5 system-ui,sans-serif; max-width:60rem; margin:0 auto; padding:1rem }
h2 { font-size:1.2rem; margin-top:2.5rem; border-bottom:1px solid var(--line) }
h3 { font-size:1rem; margin:1rem 0 .3rem }
nav a { display:inline-block; padding:.2rem .8rem .2rem 0 }
details { border:1px solid var(--line); border-radius:.4rem; margin:.5rem 0; padding:.5rem .8rem }
details details { border:0; padding:0; margin:0 }
summary { cursor:pointer }
summary b { display:inline-block; min-width:4.2rem; font-family:ui-monospace,monospace }
code,pre { font-family:ui-monospace,monospace; font-size:.85rem; overflow-wrap:anywhere }
pre { background:var(--soft); padding:.6rem; margin:.3rem 0; white-space:pre-wrap }
dd { margin:0 0 .3rem 1.5rem }
`

/** Allows only the page's own style, by its hash. */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', style, 'base64')}'`,
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** Renders an OpenAPI document as plain HTML without scripts, for phones and dark mode too. */
export function renderReferencePage({ info, paths }: Document) {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const groups = [...Map.groupBy(operations, ({ operation }) => operation.tags[0] ?? '')]
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title}</title>
        <style>${raw(style)}</style>
      </head>
      <body>
        <h1>${info.title}</h1>
        <p>${info.description} The document for tools: <a href="/openapi.json">/openapi.json</a>.</p>
        <nav>${groups.map(([tag]) => html`<a href="#${tag}">${tag}</a>`)}</nav>
        <main>
          ${groups.map(
            ([tag, group]) => html`<h2 id="${tag}">${tag}</h2>${group.map((one) => renderOperation(one))}`,
          )}
        </main>
      </body>
    </html>`
}

function renderOperation({
  path,
  method,
  operation,
}: {
  path: string
  method: string
  operation: Operation
}) {
  const { operationId, summary, security = [], parameters = [], requestBody, responses } = operation
  const [, success] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? []
  return html`<details id="${operationId}">
    <summary><b>${method.toUpperCase()}</b> <code>${path}</code> ${summary}</summary>
    ${security.length > 0 ? html`<p>Requires a bearer token.</p>` : ''}
    <h3>Parameters</h3>
    <dl>
      ${parameters.map(
        (
          one,
        ) => html`<dt><code>${one.name}</code> in ${one.in}${one.required === true ? ', required' : ''}</dt>
          <dd>${one.description ?? ''} <code>${JSON.stringify(one.schema)}</code></dd>`,
      )}
    </dl>
    ${renderBodies('Body', requestBody?.content)}
    <h3>Answers</h3>
    <dl>
      ${Object.entries(responses).map(
        ([status, one]) => html`<dt><code>${status}</code> ${one.description}</dt>
          <dd><code>${Object.keys(one.headers ?? {}).join(' ')}</code></dd>`,
      )}
    </dl>
    ${renderBodies('Answer', success?.content)}
  </details>`
}

function renderBodies(title: string, content: Content = {}) {
  return Object.entries(content).map(([type, { schema, example }]) => {
    const shown = typeof example === 'string' ? example : JSON.stringify(example, undefined, 2)
    return html`<h3>${title}, <code>${type}</code></h3>
      <pre>${shown}</pre>
      <details><summary>Schema</summary><pre>${JSON.stringify(schema, undefined, 2)}</pre></details>`
  })
}
