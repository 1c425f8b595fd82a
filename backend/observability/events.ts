import type { Scope } from '../http/index.ts'
import type { Log } from './logs.ts'

/** Security events, retained for 90 days. Names are stable, because alerts and searches use them. */
export const securityEvents = {
  'auth.login.failed': 'A login with a wrong password or for no account',
  'auth.login.locked': 'A login while the account was locked out',
  'auth.account.locked': 'An account was locked after too many failed logins',
  'auth.token.refused': 'An access token was refused: malformed, expired, forged or revoked',
  'auth.refresh.refused': 'A refresh token was refused: unknown, expired or revoked',
  'auth.refresh.reused': 'A refresh token was used twice; its family was revoked',
  'auth.address.suspicious': 'An address had ten authentication failures within 15 minutes',
  'access.unauthenticated': 'A request without the required access token',
  'access.operations_refused': 'A request for metrics or faults without their token',
  'access.cross_user': 'Data of another user was requested',
  'usage.unusual': 'A user used bulk operations, exports or imports thirty times within 15 minutes',
  'ratelimit.refused': 'A caller reached its rate limit; once for each caller and window',
  'ratelimit.abused': 'A caller was refused as many times as its limit; once for each caller and window',
  'ratelimit.config_changed': 'A rate limit differs from the one in force before',
  'faults.changed': 'Faults were set, cleared or expired',
} as const

/** Audit events, retained for a year. */
export const auditEvents = {
  'user.registered': 'An account was created',
  'user.deleted': 'An account and all its data were deleted',
  'user.logged_in': 'A user logged in',
  'user.logged_out': 'A user logged out; the session was revoked',
  'tasks.bulk': 'Tasks were changed in bulk',
  'export.requested': 'A user requested an export of their data',
  'export.finished': 'The file of an export was written',
  'export.downloaded': 'An export was downloaded',
  'import.requested': 'A user sent an import',
  'import.finished': 'An import was applied or refused',
} as const

type Details = Readonly<Record<string, unknown>>

/** Writes one event. `about`: its request; absent for events outside requests. */
type Write<Name> = (event: Name, about: Scope | undefined, details?: Details) => void

/** Writes security and audit events to their streams. */
export interface Events {
  security: Write<keyof typeof securityEvents>
  audit: Write<keyof typeof auditEvents>
}

export function createEvents(log: Log): Events {
  // LOG_LEVEL is for diagnosis. It must not suppress security and audit events.
  const always = log.isLevelEnabled('info') || log.level === 'silent' ? log : log.child({}, { level: 'info' })
  return {
    security: (event, about, details) =>
      always.warn({ stream: 'security', event, ...toFields(about), ...details }, securityEvents[event]),
    audit: (event, about, details) =>
      always.info({ stream: 'audit', event, ...toFields(about), ...details }, auditEvents[event]),
  }
}

function toFields(about: Scope | undefined): Record<string, unknown> {
  if (about === undefined) return {}
  const { requestId, traceId, principal, address } = about
  const endpoint = `${about.method} ${about.route}`
  // The time until the event, because its request is not answered yet.
  const responseTimeMs = Math.round((performance.now() - about.startedAt) * 1000) / 1000
  return { requestId, traceId, userId: principal?.userId, address, endpoint, responseTimeMs }
}
