import type { Scope } from '../http/index.ts'
import type { Log } from './logs.ts'

/** Security events: kept 90 days. Names are stable; alerts and searches hold on to them. */
export const securityEvents = {
  'auth.login.failed': 'A login with a wrong password or for no account',
  'auth.login.locked': 'A login while the account was locked out',
  'auth.account.locked': 'An account was locked after too many failed logins',
  'auth.token.refused': 'An access token was refused: malformed, expired, forged or revoked',
  'auth.refresh.refused': 'A refresh token was refused: unknown, expired or revoked',
  'auth.refresh.reused': 'A refresh token was used twice; its family was revoked',
  'auth.address.suspicious': 'An address had many authentication failures',
  'access.cross_user': 'Data of another user was asked for',
  'ratelimit.refused': 'A caller reached its rate limit',
  'ratelimit.config_changed': 'A rate limit differs from the one in force before',
  'faults.changed': 'Fault injection was switched on or off',
} as const

/** Audit events: who did what, kept a year. */
export const auditEvents = {
  'user.registered': 'An account was made',
  'user.deleted': 'An account and all its data were deleted',
  'user.logged_in': 'A user logged in',
  'user.logged_out': 'A user logged out; the session was revoked',
  'tasks.bulk': 'Tasks were changed in bulk',
  'export.requested': 'A user asked for an export of their data',
  'export.downloaded': 'An export was downloaded',
  'import.requested': 'A user sent an import',
  'import.finished': 'An import was applied or refused',
} as const

export type SecurityEvent = keyof typeof securityEvents
export type AuditEvent = keyof typeof auditEvents

/** What an event is about; absent for events outside any request. */
type About = Pick<Scope, 'requestId' | 'traceId' | 'principal' | 'address' | 'method' | 'route'> | undefined

/** Writes security and audit events to their streams. */
export interface Events {
  security(event: SecurityEvent, about: About, details?: Readonly<Record<string, unknown>>): void
  audit(event: AuditEvent, about: About, details?: Readonly<Record<string, unknown>>): void
}

export function createEvents(log: Log): Events {
  return {
    security: (event, about, details) => log.warn({ stream: 'security', event, ...fieldsOf(about), ...details }, securityEvents[event]),
    audit: (event, about, details) => log.info({ stream: 'audit', event, ...fieldsOf(about), ...details }, auditEvents[event]),
  }
}

function fieldsOf(about: About): Record<string, unknown> {
  if (about === undefined) return {}
  const { requestId, traceId, principal, address, method, route } = about
  return { requestId, traceId, userId: principal?.userId, address, endpoint: `${method} ${route}` }
}
