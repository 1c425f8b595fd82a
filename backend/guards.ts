import { TokenError } from './auth/index.ts'
import type { AccessTokens } from './auth/index.ts'
import type { Config } from './config/index.ts'
import type { Faults } from './faults/index.ts'
import { Problem } from './http/index.ts'
import type { Guards, Principal, Scope } from './http/index.ts'
import type { Limits } from './limits/limits.ts'
import { isSameSecret } from './observability/index.ts'
import type { Events, Metrics, Presence } from './observability/index.ts'

export interface GuardDependencies {
  config: Config
  metrics: Metrics
  events: Events
  tokens: AccessTokens
  limits: Limits
  presence: Presence
  /** Absent: fault injection is off. */
  faults: Faults | undefined
}

/** Creates the checks before a handler: token, rate limit, and whether the answer reports its timing. */
export function createGuards(parts: GuardDependencies): Guards {
  const { tokens, limits, presence, config, faults } = parts
  const seen = (principal: Principal): Principal => {
    presence.noteUser(principal.userId)
    return principal
  }
  return {
    ...(faults !== undefined && { beforeRequest: (scope: Scope) => faults.beforeRequest(scope) }),
    authenticate: (scope, authorization) => {
      try {
        const principal = tokens.authenticate(authorization)
        if (!(principal instanceof Promise)) return seen(principal)
        return principal.then(seen, (error: unknown) => refuse(error, scope, parts))
      } catch (error) {
        return refuse(error, scope, parts)
      }
    },
    limit: (scope, policy) => limits.count(scope, policy),
    timing: (incoming) => {
      const { serverTiming } = config
      if (serverTiming.mode !== 'token') return serverTiming.mode === 'on'
      const given = incoming.headers['server-timing']
      return typeof given === 'string' && isSameSecret(given, serverTiming.token)
    },
  }
}

function refuse(error: unknown, scope: Scope, { metrics, events, presence }: GuardDependencies): never {
  if (!(error instanceof TokenError)) throw error
  metrics.accessDenied.inc({ kind: 'unauthenticated' })
  const reason = error.message
  if (error.reason === 'missing') {
    events.security('access.unauthenticated', scope)
    throw new Problem('unauthenticated', {
      detail: 'Send an access token',
      reason,
      headers: { 'www-authenticate': 'Bearer' },
    })
  }
  metrics.tokenFailures.inc({ reason: error.reason })
  // An expired token is not an attack.
  if (error.reason !== 'expired') presence.noteFailedAttempt(scope)
  events.security('auth.token.refused', scope, { reason: error.reason })
  throw new Problem('unauthenticated', {
    detail: 'The access token is not valid',
    reason,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  })
}
