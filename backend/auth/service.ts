import { isUniqueViolation } from '../db/index.ts'
import type { Database, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { Events, Metrics, Presence } from '../observability/index.ts'
import { Lockout, Passwords } from './passwords.ts'
import type { Revocations } from './revocations.ts'
import * as statements from './statements.ts'
import { accessTokenSeconds, createRefreshToken, hashRefreshToken, sessionSeconds } from './tokens.ts'
import type { AccessTokens } from './tokens.ts'

interface User {
  id: string
  email: string
  createdAt: string
}

/** A session that the database has, still without an access token. */
interface OpenedSession {
  user: User
  sessionId: string
  refreshToken: string
}

interface Refusal {
  refused: 'unknown' | 'revoked' | 'expired' | 'reused'
  /** The session whose token was used again. */
  sessionId?: string
}

interface Credentials {
  email: string
  password: string
}

/** The audit event of each action that succeeds. */
const actions = { register: 'user.registered', login: 'user.logged_in', refresh: undefined } as const
type Action = keyof typeof actions

export interface AuthDependencies {
  database: Database
  tokens: AccessTokens
  metrics: Metrics
  events: Events
  now: () => number
  revocations: Revocations
  presence: Presence
}

export class AuthService {
  readonly #dependencies: AuthDependencies
  readonly #lockout: Lockout
  readonly #passwords = new Passwords()

  constructor(dependencies: AuthDependencies) {
    this.#dependencies = dependencies
    this.#lockout = new Lockout(dependencies.database, dependencies.now)
  }

  register(scope: Scope, { email, password }: Credentials) {
    const { database, metrics } = this.#dependencies
    return this.#attempt(scope, 'register', async () => {
      const passwordHash = await this.#passwords.hash(password)
      const opened = await database
        .transaction(scope, async (tx) => {
          const [user] = await tx.run(statements.insertUser, { email: email.toLowerCase(), passwordHash })
          if (user === undefined) throw new Error('users: found no row after inserting a user')
          return this.#openSession(tx, user)
        })
        .catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error
          this.#count('register', 'failure', 'email_taken')
          throw new Problem('conflict', { detail: 'An account with this email exists already' })
        })
      metrics.registrations.inc()
      return opened
    })
  }

  login(scope: Scope, credentials: Credentials) {
    const { database } = this.#dependencies
    return this.#attempt(scope, 'login', async () => {
      const email = credentials.email.toLowerCase()
      let failures = await this.#requireUnlocked(scope, email)
      const [account] = await database.run(scope, statements.userByEmail, { email })
      const matches = await this.#passwords.verify(account?.passwordHash, credentials.password, async () => {
        failures = await this.#requireUnlocked(scope, email)
      })
      if (account === undefined || !matches)
        return this.#refuseLogin(scope, email, account === undefined ? 'unknown_account' : 'wrong_password')
      if (failures > 0) await this.#lockout.reset(scope, email)
      const { passwordHash: _, ...user } = account
      return database.transaction(scope, (tx) => this.#openSession(tx, user))
    })
  }

  refresh(scope: Scope, refreshToken: string) {
    return this.#attempt(scope, 'refresh', async () => {
      const hash = hashRefreshToken(refreshToken)
      const outcome = await this.#dependencies.database.transaction(scope, (tx) => this.#useOnce(tx, hash))
      if ('refused' in outcome) return this.#refuseRefresh(scope, outcome)
      return outcome
    })
  }

  async logout(scope: Scope, { sessionId }: Principal): Promise<void> {
    const { database, events } = this.#dependencies
    await database.run(scope, statements.revokeSession, { id: sessionId, now: this.#iso() })
    this.#revoke(sessionId)
    events.audit('user.logged_out', scope)
  }

  async me(scope: Scope, { userId }: Principal): Promise<User> {
    const [user] = await this.#dependencies.database.run(scope, statements.userById, { id: userId })
    if (user !== undefined) return user
    this.#revoke(userId)
    throw new Problem('unauthenticated', {
      detail: 'The account no longer exists',
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    })
  }

  async deleteAccount(scope: Scope, { userId }: Principal): Promise<void> {
    const { database, events } = this.#dependencies
    const { rowCount } = await database.run(scope, statements.deleteUser, { id: userId })
    this.#revoke(userId)
    if (rowCount === 1) events.audit('user.deleted', scope)
  }

  // An error that the caller did not cause is counted as `error`, not as a failed attempt.
  async #attempt(scope: Scope, action: Action, open: () => Promise<OpenedSession>) {
    const { tokens, events } = this.#dependencies
    try {
      tokens.requireWorking()
      const { user, sessionId, refreshToken } = await open()
      scope.principal = { userId: user.id, sessionId }
      const accessToken = await tokens.issue(scope.principal)
      if (actions[action] !== undefined) events.audit(actions[action], scope)
      this.#count(action, 'success', 'none')
      return { user, accessToken, refreshToken, expiresIn: accessTokenSeconds }
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) this.#count(action, 'error', 'unavailable')
      throw error
    }
  }

  #count(action: Action, result: 'success' | 'failure' | 'error', reason: string): void {
    this.#dependencies.metrics.authAttempts.inc({ action, result, reason })
  }

  /** Returns the failures of this address in the current window. Throws while it is locked. */
  async #requireUnlocked(scope: Scope, email: string): Promise<number> {
    const { failures, lockedMs } = await this.#lockout.read(scope, email)
    if (lockedMs === 0) return failures
    this.#count('login', 'failure', 'locked_out')
    this.#dependencies.events.security('auth.login.locked', scope)
    this.#dependencies.presence.noteFailedAttempt(scope)
    throw new Problem('locked-out', {
      detail: 'Too many failed logins',
      headers: { 'retry-after': String(Math.ceil(lockedMs / 1000)) },
    })
  }

  async #refuseLogin(scope: Scope, email: string, reason: string): Promise<never> {
    const { metrics, events, presence } = this.#dependencies
    // First: if the attempt cannot be counted, the answer is an error of the service.
    const hasLocked = await this.#lockout.recordFailure(scope, email)
    this.#count('login', 'failure', reason)
    events.security('auth.login.failed', scope, { reason })
    presence.noteFailedAttempt(scope)
    if (hasLocked) {
      metrics.lockouts.inc()
      events.security('auth.account.locked', scope)
    }
    throw wrongCredentials('The email or the password is wrong')
  }

  async #useOnce(tx: Transaction, hash: string): Promise<OpenedSession | Refusal> {
    const now = this.#iso()
    const [found] = await tx.run(statements.refreshTokenForUse, { hash, now })
    if (found === undefined) return { refused: 'unknown' }
    const { sessionId } = found
    if (found.revoked || found.expired) return { refused: found.revoked ? 'revoked' : 'expired' }
    if (found.used) {
      await tx.run(statements.revokeSession, { id: sessionId, now })
      return { refused: 'reused', sessionId }
    }
    await tx.run(statements.useRefreshToken, { hash, now })
    return this.#addRefreshToken(tx, found.user, sessionId)
  }

  #refuseRefresh(scope: Scope, { refused: reason, sessionId }: Refusal): never {
    const { metrics, events, presence } = this.#dependencies
    this.#count('refresh', 'failure', reason)
    metrics.tokenFailures.inc({ reason: `refresh_${reason}` })
    if (sessionId !== undefined) this.#revoke(sessionId)
    events.security(reason === 'reused' ? 'auth.refresh.reused' : 'auth.refresh.refused', scope, { reason })
    presence.noteFailedAttempt(scope)
    throw wrongCredentials('The refresh token is not valid')
  }

  async #openSession(tx: Transaction, user: User): Promise<OpenedSession> {
    const expiresAt = new Date(this.#dependencies.now() + sessionSeconds * 1000).toISOString()
    const [session] = await tx.run(statements.insertSession, { userId: user.id, expiresAt })
    if (session === undefined) throw new Error('sessions: found no row after inserting a session')
    return this.#addRefreshToken(tx, user, session.id)
  }

  async #addRefreshToken(tx: Transaction, user: User, sessionId: string): Promise<OpenedSession> {
    const { token, hash } = createRefreshToken()
    await tx.run(statements.insertRefreshToken, { hash, sessionId })
    return { user, sessionId, refreshToken: token }
  }

  #revoke(id: string): void {
    this.#dependencies.tokens.revoke(new Set([id]))
    this.#dependencies.revocations.announce(id)
  }

  #iso(): string {
    return new Date(this.#dependencies.now()).toISOString()
  }
}

function wrongCredentials(detail: string): Problem {
  return new Problem('wrong-credentials', { detail, headers: { 'www-authenticate': 'Bearer' } })
}
