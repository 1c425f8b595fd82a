import { Hono } from 'hono'
import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { matchedRoutes, routePath } from 'hono/route'
import { setMetric, timing } from 'hono/timing'
import { resolveClientAddress } from './address.ts'
import { answerProblem, Problem } from './problem.ts'
import { createScope, formatTraceparent } from './scope.ts'
import type { App, AppEnv, Scope } from './scope.ts'
import { readsQuery } from './contract.ts'

/** Receives the events of requests, for metrics, logs and traces. */
export interface RequestObserver {
  requestStarted: (scope: Scope) => void
  /** `status` is 499 if the caller disconnected before the answer was sent. */
  requestDone: (scope: Scope, status: number, seconds: number) => void
}

export interface AppOptions {
  observer: RequestObserver
  /** The number of proxies in front that are trusted for the client's address. */
  trustedProxies: number
  /** Origins whose pages may read answers. */
  corsOrigins?: readonly string[]
  /** Whether the answer reports where its time went. Absent: no answer does. */
  showsTiming?: ((serverTiming: string | undefined) => boolean) | undefined
  /** Runs before a route, also one of operations: injected faults. */
  beforeRequest?: ((scope: Scope) => Promise<void> | undefined) | undefined
}

/** Creates an app without routes: what happens to every request, and the answers to errors. */
export function createApp(options: AppOptions): App {
  const { corsOrigins = [], showsTiming, beforeRequest } = options
  const app = new Hono<AppEnv>()
  app.use(openScope(options))
  if (corsOrigins.length > 0) app.use(allowOrigins(corsOrigins))
  if (showsTiming !== undefined) app.use(reportTiming(showsTiming), measure)
  app.use(methodNotAllowed({ app, onMethodNotAllowed: (c, methods) => refuseMethod(app, c, methods) }))
  if (beforeRequest !== undefined)
    app.use(async (c, next) => {
      const scope = c.get('scope')
      if (scope.route !== 'unmatched') await beforeRequest(scope)
      await next()
    })
  app.notFound((c) =>
    c.req.method === 'OPTIONS' && c.req.path === '/*'
      ? answerOptions(servedMethods)
      : answerProblem(c, new Problem('not-found', { detail: 'No resource has this path' })),
  )
  app.onError((error, c) => answerProblem(c, error))
  return app
}

/** For an API that answers programs with JSON: answers must not be executed, framed, sniffed or cached. */
const securityHeaders = new Map([
  ['cache-control', 'no-store'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['referrer-policy', 'no-referrer'],
  ['strict-transport-security', 'max-age=31536000'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
])

/**
 * Sets the headers of every answer on Node's response. With Hono's middleware, which uses a `Headers` object,
 * a cached list costs a quarter more (ADR 12).
 */
function openScope({ observer, trustedProxies }: AppOptions): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { incoming, outgoing, refusal } = c.env
    const scope = createScope({
      method: incoming.method ?? 'GET',
      target: incoming.url,
      requestId: c.req.header('x-request-id'),
      traceparent: c.req.header('traceparent'),
      tracestate: c.req.header('tracestate'),
      address: resolveClientAddress(
        incoming.socket.remoteAddress,
        c.req.header('x-forwarded-for'),
        trustedProxies,
      ),
    })
    scope.route = toRouteName(routePath(c, -1))
    c.set('scope', scope)
    observer.requestStarted(scope)
    outgoing.once('close', () => {
      const status = outgoing.writableFinished ? outgoing.statusCode : 499
      observer.requestDone(scope, status, (performance.now() - scope.startedAt) / 1000)
    })
    outgoing.setHeaders(securityHeaders)
    outgoing.setHeader('x-request-id', scope.requestId)
    outgoing.setHeader('traceparent', formatTraceparent(scope))
    if (refusal !== undefined) throw refusal
    refuseUnknownQuery(c)
    await next()
  }
}

const uuid = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

/** The path of one resource. Text that is no id is another path, which does not exist. */
export function pathWithId<Path extends string>(collection: Path): `${Path}/:id{${typeof uuid}}` {
  return `${collection}/:id{${uuid}}`
}

/** `/tasks/:id` for the pattern `/tasks/:id{[0-9a-f]+}`: the name of a route in metrics, logs and faults. */
function toRouteName(pattern: string): string {
  return pattern.startsWith('/*') ? 'unmatched' : pattern.replace(/\{.*\}/, '')
}

/** The served routes, such as `GET /tasks/:id`. */
export function listRoutes(app: App): string[] {
  const routes = app.routes.filter(({ method }) => method !== 'ALL')
  return [...new Set(routes.map(({ method, path }) => `${method} ${toRouteName(path)}`))]
}

/**
 * Pages of other origins get no permission, so browsers hide the answer from them. Cookies are never allowed:
 * only the token identifies the caller.
 */
function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  return cors({
    origin: origins.map((origin) => origin.toLowerCase()),
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: 'Authorization Content-Type Idempotency-Key If-Match Traceparent X-Request-Id'.split(' '),
    exposeHeaders: [
      'Content-Disposition ETag Idempotency-Replayed Location RateLimit RateLimit-Policy Retry-After',
      'Server-Timing Traceparent X-Request-Id',
    ].flatMap((names) => names.split(' ')),
    maxAge: 600,
  })
}

function reportTiming(shows: (serverTiming: string | undefined) => boolean): MiddlewareHandler {
  return timing({ total: false, enabled: (c) => shows(c.req.header('server-timing')) })
}

/** `app` is the time outside the database and `db` the time waiting for it, both in milliseconds. */
const measure: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next()
  const { startedAt, db } = c.get('scope')
  setMetric(c, 'app', Math.max(0, performance.now() - startedAt - db.ms), undefined, 3)
  setMetric(c, 'db', db.ms, undefined, 3)
  setMetric(c, 'sql', String(db.statements))
  setMetric(c, 'rows', String(db.rows))
}

/** The methods of some resource, for questions about the server as a whole. */
export const servedMethods = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST'

function refuseMethod(app: App, c: Context<AppEnv>, methods: string[]): Response {
  const [matched] = app.router.match(methods[0] ?? 'GET', c.req.path)
  const [, route] = matched.at(-1)?.[0] ?? []
  if (route !== undefined) c.get('scope').route = toRouteName(route.path)
  const allow = [...methods, 'OPTIONS'].toSorted().join(', ')
  if (c.req.method === 'OPTIONS') return answerOptions(allow)
  const options = { detail: `This path has ${allow}`, headers: { allow } }
  return answerProblem(c, new Problem('method-not-allowed', options))
}

function answerOptions(allow: string): Response {
  return new Response(null, { status: 204, headers: { allow } })
}

function refuseUnknownQuery(c: Context<AppEnv>): void {
  if (!c.req.url.includes('?') || c.get('scope').route === 'unmatched') return
  if (matchedRoutes(c).some(({ handler }) => readsQuery(handler))) return
  throw new Problem('invalid', { detail: 'This operation has no query parameters' })
}
