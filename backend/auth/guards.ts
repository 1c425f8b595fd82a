import { createMiddleware } from 'hono/factory'
import type { Context } from 'hono'
import { documented, Problem } from '../http/index.ts'
import type { AppEnv, Principal, Scope } from '../http/index.ts'
import type { Limits } from '../limits/limits.ts'
import type { Events, Metrics, Presence } from '../observability/index.ts'
import { TokenError } from './tokens.ts'
import type { AccessTokens } from './tokens.ts'

export interface GuardDependencies {
  metrics: Metrics
  events: Events
  tokens: AccessTokens
  limits: Limits
  presence: Presence
}

/** The middleware between a request and its handler. */
export type Guards = ReturnType<typeof createGuards>

const tooMany = { 429: { description: 'Too many requests; retry after Retry-After seconds' } }

export function createGuards(parts: GuardDependencies) {
  const limit = async (c: Pick<Context<AppEnv>, 'get' | 'env'>, policy: 'user' | 'auth') => {
    const scope = c.get('scope')
    try {
      await parts.limits.count(scope, policy)
    } finally {
      for (const [name, value] of Object.entries(scope.headers)) c.env.outgoing.setHeader(name, value)
    }
  }
  return {
    /** Requires an access token, and counts the request towards the limit of its user. */
    signedIn: documented(
      createMiddleware<AppEnv & { Variables: { principal: Principal } }>(async (c, next) => {
        const scope = c.get('scope')
        const principal = await authenticate(parts, scope, c.req.header('authorization'))
        scope.principal = principal
        c.set('principal', principal)
        parts.presence.noteUser(principal.userId)
        await limit(c, 'user')
        await next()
      }),
      {
        security: [{ accessToken: [] }],
        responses: { ...tooMany, 401: { description: 'A valid access token is required' } },
      },
    ),
    /** Counts the request towards the limit of its address, before its body is read. */
    limitedByAddress: documented(
      createMiddleware<AppEnv>(async (c, next) => {
        await limit(c, 'auth')
        await next()
      }),
      { responses: tooMany },
    ),
  }
}

async function authenticate(
  parts: GuardDependencies,
  scope: Scope,
  authorization: string | undefined,
): Promise<Principal> {
  try {
    return await parts.tokens.authenticate(authorization)
  } catch (error) {
    throw error instanceof TokenError ? reportRefusal(error, scope, parts) : error
  }
}

function reportRefusal(
  { reason, message }: TokenError,
  scope: Scope,
  { metrics, events, presence }: GuardDependencies,
): Problem {
  metrics.accessDenied.inc({ kind: 'unauthenticated' })
  const isMissing = reason === 'missing'
  if (isMissing) events.security('access.unauthenticated', scope)
  else {
    metrics.tokenFailures.inc({ reason })
    // An expired token is not an attack.
    if (reason !== 'expired') presence.noteFailedAttempt(scope)
    events.security('auth.token.refused', scope, { reason })
  }
  return new Problem('unauthenticated', {
    detail: isMissing ? 'Send an access token' : 'The access token is not valid',
    reason: message,
    headers: { 'www-authenticate': isMissing ? 'Bearer' : 'Bearer error="invalid_token"' },
  })
}
