import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A CRUD service with an OpenAPI document, and all that it was sent. */
export interface Shop {
  url: string
  requests: string[]
  stop: () => Promise<void>
}

const item = {
  type: 'object',
  required: ['name'],
  properties: {
    id: { type: 'integer', readOnly: true },
    name: { type: 'string' },
    price: { type: 'number', minimum: 1 },
    // A tree: the schema contains itself.
    parts: { type: 'array', items: { $ref: '#/components/schemas/Item' } },
  },
}
const itemId = { name: 'itemId', in: 'path', required: true, schema: { type: 'integer' } }
const body = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Item' } } } }
const answer = (status: number): object => ({ responses: { [status]: { description: 'as expected' } } })

export const shopDocument = {
  openapi: '3.1.0',
  info: { title: 'shop', version: '1' },
  servers: [{ url: '/api/v1' }],
  paths: {
    '/items': {
      get: { operationId: 'listItems', ...answer(200) },
      post: { operationId: 'createItem', requestBody: body, ...answer(201) },
    },
    '/items/{itemId}': {
      parameters: [itemId],
      get: answer(200),
      put: { requestBody: body, ...answer(200) },
      delete: answer(204),
    },
    '/items/{itemId}/reviews': { parameters: [itemId], get: answer(200) },
    '/orders/{orderId}': {
      parameters: [{ ...itemId, name: 'orderId' }],
      get: answer(200),
      delete: answer(204),
    },
    '/me': { get: { security: [{ token: [] }], ...answer(200) } },
    '/broken': { get: answer(200) },
    '/health': { get: answer(200) },
  },
  components: {
    schemas: { Item: item },
    securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
  },
}

/** @param document served at `/openapi.json`; none: the service has no document */
export async function startShop(document?: object, host = '127.0.0.1'): Promise<Shop> {
  const requests: string[] = []
  const items = new Map<number, object>([[1, { id: 1, name: 'the first' }]])
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    void answerRequest(request, response, items, document)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  items: Map<number, object>,
  document: object | undefined,
): Promise<void> {
  const { method = '', url = '', headers } = request
  const send = (status: number, value?: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(value === undefined ? '' : JSON.stringify(value))
  }
  let text = ''
  for await (const chunk of request) text += String(chunk)
  const path = url.replace('/api/v1', '')
  const id = Number(/^\/items\/(\d+)/.exec(path)?.[1])
  if (url === '/openapi.json' && document) return send(200, document)
  if (path === '/health') return send(200, { ok: true })
  if (path === '/broken') return send(500, {})
  if (path === '/me') return headers.authorization === 'Bearer let-me-in' ? send(200, {}) : send(401, {})
  if (method === 'GET' && path === '/items') return send(200, { items: [...items.values()].slice(0, 20) })
  if (method === 'POST' && path === '/items') {
    const { name } = JSON.parse(text) as { name: string }
    const names = [...items.values()].map((known) => (known as { name: string }).name)
    // Names are unique, as e-mail addresses are elsewhere.
    if (names.includes(name)) return send(409, {})
    const created = { id: items.size + 1000, name }
    while (items.has(created.id)) created.id += 1
    items.set(created.id, created)
    return send(201, created)
  }
  if (!items.has(id)) return send(404, {})
  if (path.endsWith('/reviews')) return send(200, [])
  if (method !== 'DELETE') return send(200, items.get(id))
  items.delete(id)
  return send(204)
}

if (import.meta.main) {
  const { url } = await startShop(shopDocument)
  process.stdout.write(`${url}\n`)
}
