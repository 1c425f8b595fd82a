import type { IncomingMessage, ServerResponse } from 'node:http'
import { Hono } from 'hono'
import type { Context } from 'hono'
import type { Endpoint } from './endpoint.ts'
import { Problem, buildProblemReply, respond, servedMethods } from './respond.ts'
import type { Principal, Scope } from './scope.ts'

export interface Bindings {
  incoming: IncomingMessage
  outgoing: ServerResponse
  scope: Scope
}

/** The checks between a request and its handler. Each may throw a `Problem`. */
export interface Guards {
  /** Runs first: injected faults. */
  beforeRequest?: (scope: Scope, incoming: IncomingMessage) => Promise<void> | undefined
  authenticate: (scope: Scope, authorization: string | undefined) => Promise<Principal> | Principal
  limit: (scope: Scope, limit: 'user' | 'auth') => Promise<void> | undefined
  /** Whether the answer reports where its time went. */
  timing: (incoming: IncomingMessage) => boolean
}

type AppContext = Context<{ Bindings: Bindings }>

/**
 * Builds the routes of `endpoints`. Each request runs its guards, validation and handler; every error becomes
 * a problem document. `elsewhere` is the answer to all other paths instead of 404 or 405.
 */
export function createApp(
  endpoints: readonly Endpoint[],
  guards: Guards,
  elsewhere?: Problem,
): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>()
  const methods = groupMethodsByPath(endpoints)
  for (const one of endpoints) {
    const others = findOverlappingPaths(one, methods)
    app.on(one.spec.method, one.spec.path, (c) =>
      others.has(c.req.path) ? refuseUnmatched(methods, guards, c) : serve(one, guards, c),
    )
  }
  app.notFound((c) =>
    elsewhere === undefined
      ? refuseUnmatched(methods, guards, c)
      : respond(c.env.scope, buildProblemReply(c.env.scope, elsewhere), false),
  )
  app.onError((error, c) => respond(c.env.scope, buildProblemReply(c.env.scope, error), false))
  return app
}

async function serve(one: Endpoint, guards: Guards, c: AppContext): Promise<Response> {
  const { scope, incoming } = c.env
  scope.route = one.spec.path
  const timing = guards.timing(incoming)
  try {
    const arriving = guards.beforeRequest?.(scope, incoming)
    if (arriving !== undefined) await arriving
    await admit(one, guards, scope, incoming)
    const url = incoming.url ?? '/'
    const mark = url.indexOf('?')
    const query = mark === -1 ? '' : url.slice(mark + 1)
    return respond(scope, await one.handle({ params: c.req.param(), query, incoming, scope }), timing)
  } catch (error) {
    return respond(scope, buildProblemReply(scope, error), timing)
  }
}

async function admit(one: Endpoint, guards: Guards, scope: Scope, incoming: IncomingMessage): Promise<void> {
  const { access, limit, guard } = one.spec
  // Login attempts are counted by address before the request is read.
  if (limit === 'auth') await guards.limit(scope, limit)
  guard?.(scope, incoming.headers.authorization)
  if (access === 'user') scope.principal = await guards.authenticate(scope, incoming.headers.authorization)
  if (limit !== 'user') return
  const limiting = guards.limit(scope, limit)
  if (limiting !== undefined) await limiting
}

interface PathMethods {
  pattern: RegExp
  path: string
  methods: string[]
  allow: string
}

function groupMethodsByPath(endpoints: readonly Endpoint[]): PathMethods[] {
  const paths = Map.groupBy(endpoints, ({ spec }) => spec.path)
  return [...paths].map(([path, group]) => {
    const methods = group.map(({ spec }) => spec.method as string)
    if (methods.includes('GET')) methods.push('HEAD')
    return { path, methods, pattern: toPattern(path), allow: [...methods, 'OPTIONS'].toSorted().join(', ') }
  })
}

/**
 * Finds other paths that match this endpoint's pattern but do not have its method: `/tasks/bulk` is not
 * `/tasks/:id`. They are checked here, because the library's fast router accepts no path that an earlier
 * pattern matches.
 */
function findOverlappingPaths({ spec }: Endpoint, paths: readonly PathMethods[]): Set<string> {
  const pattern = toPattern(spec.path)
  return new Set(
    paths
      .filter(
        ({ path, methods }) => path !== spec.path && pattern.test(path) && !methods.includes(spec.method),
      )
      .map(({ path }) => path),
  )
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:[a-z]+/gi, '[^/]+')}$`)
}

function refuseUnmatched(paths: readonly PathMethods[], guards: Guards, c: AppContext): Response {
  const { scope, incoming } = c.env
  const known = paths.find(({ pattern }) => pattern.test(c.req.path))
  const timing = guards.timing(incoming)
  if (scope.target === '*' && scope.method === 'OPTIONS')
    return respond(scope, { status: 204, headers: { allow: servedMethods } }, timing)
  if (known === undefined)
    return respond(
      scope,
      buildProblemReply(scope, new Problem('not-found', { detail: 'No resource has this path' })),
      timing,
    )
  scope.route = known.path
  if (scope.method === 'OPTIONS')
    return respond(scope, { status: 204, headers: { allow: known.allow } }, timing)
  const problem = new Problem('method-not-allowed', {
    detail: `This path has ${known.allow}`,
    headers: { allow: known.allow },
  })
  return respond(scope, buildProblemReply(scope, problem), timing)
}
