import { Hono } from 'hono'
import { z } from 'zod'
import { answer, answerOf, describeGroup } from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import { buildOpenApiDocument } from './openapi.ts'
import { pagePolicy, renderReferencePage } from './page.ts'

const describe = describeGroup('Operations')
const getOpenApi = describe('getOpenApi', 'This API as an OpenAPI 3.1 document', {
  200: answer('The document', z.record(z.string(), z.unknown()).meta({ examples: [{ openapi: '3.1.0' }] })),
})
const getDocs = describe('getDocs', 'This API as a reference page', {
  200: answerOf('The page', { 'text/html': z.string().meta({ examples: ['<!doctype html>…'] }) }),
})

export const docsPaths = ['/openapi.json', '/docs'] as const

/** `/openapi.json` and `/docs`, which describe the routes of `app`. Both are built for the first request. */
export function docsRoutes(app: App): App {
  let document: ReturnType<typeof buildOpenApiDocument> | undefined
  const build = () => (document ??= buildOpenApiDocument(app))
  return new Hono<AppEnv>()
    .get('/openapi.json', getOpenApi, async (c) => c.json(await build()))
    .get('/docs', getDocs, async (c) => {
      c.header('content-security-policy', pagePolicy)
      return c.html(renderReferencePage(await build()))
    })
}
