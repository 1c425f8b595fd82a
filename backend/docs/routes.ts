import { z } from 'zod'
import { endpoint } from '../http/index.ts'
import type { Endpoint } from '../http/index.ts'
import { openApiDocument } from './openapi.ts'
import { pagePolicy, referencePage } from './page.ts'

export const docsPaths = ['/openapi.json', '/docs'] as const

/** `/openapi.json` and `/docs` for `endpoints` and for themselves. Both are made when they are first asked for. */
export function docsEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  let made: { json: string; page: string } | undefined
  const documents = (): { json: string; page: string } => {
    if (made !== undefined) return made
    const document = openApiDocument([...endpoints, ...own])
    made = { json: JSON.stringify(document), page: referencePage(document) }
    return made
  }
  const shared = { method: 'GET', tag: 'Operations', access: 'open', limit: 'none' } as const
  const own = [
    endpoint({
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
    endpoint({
      ...shared,
      path: '/docs',
      id: 'getDocs',
      summary: 'This API as a page',
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
