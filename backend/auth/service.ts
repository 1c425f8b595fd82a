import { isUniqueViolation } from '../db/index.ts'
import type { Database, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { Lockout } from './passwords.ts'
import type { Passwords } from './passwords.ts'
import * as statements from './statements.ts'
import { accessTokenSeconds, createRefreshToken, hashRefreshToken, sessionSeconds } from './tokens.ts'
import type { AccessTokens } from './tokens.ts'

interface User {
  id: string
  email: string
  createdAt: string
}

export interface Session {
  user: User
  accessToken: string
  refreshToken: string
  /** Seconds until the access token expires. */
  expiresIn: number
}

interface Credentials {
  email: string
  password: string
}

type Action = 'register' | 'login' | 'refresh'

export interface AuthDependencies {
  database: Database
  tokens: AccessTokens
  passwords: Passwords
  metrics: Metrics
  events: Events
  now: () => number
  /** Announces to other instances that the tokens of a session or user are revoked. */
  announceRevoked: (id: string) => void
  /** Called after each failed attempt with a password or token. */
  noteFailedAttempt: (scope: Scope) => void
}

export class AuthService {
  readonly #dependencies: AuthDependencies
  readonly #lockout: Lockout

  constructor(dependencies: AuthDependencies) {
    this.#dependencies = dependencies
    this.#lockout = new Lockout(dependencies.database, dependencies.now)
  }

  register(scope: Scope, credentials: Credentials): Promise<Session> {
    return this.#attempt('register', () => this.#register(scope, credentials))
  }

  login(scope: Scope, credentials: Credentials): Promise<Session> {
    return this.#attempt('login', () => this.#login(scope, credentials))
  }

  refresh(scope: Scope, refreshToken: string): Promise<Session> {
    return this.#attempt('refresh', () => this.#refresh(scope, refreshToken))
  }

  // An error that the caller did not cause is counted as `error`, not as a failed attempt.
  async #attempt(action: Action, work: () => Promise<Session>): Promise<Session> {
    try {
      this.#dependencies.tokens.requireWorking()
      const session = await work()
      this.#count(action, 'success', 'none')
      return session
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) this.#count(action, 'error', 'unavailable')
      throw error
    }
  }

  #count(action: Action, result: 'success' | 'failure' | 'error', reason: string): void {
    this.#dependencies.metrics.authAttempts.inc({ action, result, reason })
  }

  async #register(scope: Scope, { email, password }: Credentials): Promise<Session> {
    const { database, metrics, events, passwords } = this.#dependencies
    const passwordHash = await passwords.hash(password)
    try {
      const { user, issued } = await database.transaction(scope, async (tx) => {
        const [row] = await tx.run(statements.insertUser, { email: email.toLowerCase(), passwordHash })
        if (row === undefined) throw new Error('users: found no row after inserting a user')
        return { user: row, issued: await this.#openSession(tx, row.id) }
      })
      metrics.registrations.inc()
      const session = await this.#session(scope, user, issued)
      events.audit('user.registered', scope)
      return session
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      this.#count('register', 'failure', 'email_taken')
      throw new Problem('conflict', { detail: 'An account with this email exists already' })
    }
  }

  async #login(scope: Scope, credentials: Credentials): Promise<Session> {
    const { database, events, passwords } = this.#dependencies
    const email = credentials.email.toLowerCase()
    let failuresBefore = await this.#unlocked(scope, email)
    const [account] = await database.run(scope, statements.userByEmail, { email })
    const matches = await passwords.verify(account?.passwordHash, credentials.password, async () => {
      failuresBefore = await this.#unlocked(scope, email)
    })
    if (account === undefined || !matches)
      return this.#loginFailed(scope, email, account === undefined ? 'unknown_account' : 'wrong_password')
    if (failuresBefore > 0) await this.#lockout.reset(scope, email)
    const issued = await database.transaction(scope, (tx) => this.#openSession(tx, account.id))
    const { id, createdAt } = account
    const session = await this.#session(scope, { id, email: account.email, createdAt }, issued)
    events.audit('user.logged_in', scope)
    return session
  }

  async #refresh(scope: Scope, refreshToken: string): Promise<Session> {
    const hash = hashRefreshToken(refreshToken)
    const outcome = await this.#dependencies.database.transaction<RefreshOutcome>(scope, async (tx) => {
      const now = this.#iso()
      const [found] = await tx.run(statements.refreshTokenForUse, { hash, now })
      if (found === undefined) return { refused: 'unknown' }
      if (found.revoked || found.expired) return { refused: found.revoked ? 'revoked' : 'expired' }
      if (found.used) {
        await tx.run(statements.revokeSession, { id: found.sessionId, now })
        return { refused: 'reused', sessionId: found.sessionId }
      }
      await tx.run(statements.useRefreshToken, { hash, now })
      const user = { id: found.userId, email: found.email, createdAt: found.userCreatedAt }
      return { user, issued: await this.#issue(tx, user.id, found.sessionId) }
    })
    if ('refused' in outcome) return this.#refreshRefused(scope, outcome)
    return this.#session(scope, outcome.user, outcome.issued)
  }

  async logout(scope: Scope, principal: Principal): Promise<void> {
    await this.#dependencies.database.run(scope, statements.revokeSession, {
      id: principal.sessionId,
      now: this.#iso(),
    })
    this.#revoke(principal.sessionId)
    this.#dependencies.events.audit('user.logged_out', scope)
  }

  async me(scope: Scope, principal: Principal): Promise<User> {
    const [user] = await this.#dependencies.database.run(scope, statements.userById, { id: principal.userId })
    if (user === undefined) {
      this.#revoke(principal.userId)
      throw new Problem('unauthenticated', {
        detail: 'The account no longer exists',
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      })
    }
    return user
  }

  async deleteAccount(scope: Scope, principal: Principal): Promise<void> {
    const [deleted] = await this.#dependencies.database.run(scope, statements.deleteUser, {
      id: principal.userId,
    })
    this.#revoke(principal.userId)
    if (deleted !== undefined) this.#dependencies.events.audit('user.deleted', scope)
  }

  async #unlocked(scope: Scope, email: string): Promise<number> {
    try {
      return await this.#lockout.requireUnlocked(scope, email)
    } catch (error) {
      if (error instanceof Problem && error.kind === 'locked-out') {
        this.#count('login', 'failure', 'locked_out')
        this.#dependencies.events.security('auth.login.locked', scope)
        this.#dependencies.noteFailedAttempt(scope)
      }
      throw error
    }
  }

  async #loginFailed(scope: Scope, email: string, reason: string): Promise<never> {
    const { metrics, events } = this.#dependencies
    // First: if the attempt cannot be counted, the answer is an error of the service.
    const locked = await this.#lockout.recordFailure(scope, email)
    this.#count('login', 'failure', reason)
    events.security('auth.login.failed', scope, { reason })
    this.#dependencies.noteFailedAttempt(scope)
    if (locked) {
      metrics.lockouts.inc()
      events.security('auth.account.locked', scope)
    }
    throw wrongCredentials('The email or the password is wrong')
  }

  #refreshRefused(scope: Scope, { refused: reason, sessionId }: Refusal): never {
    const { metrics, events } = this.#dependencies
    this.#count('refresh', 'failure', reason)
    metrics.tokenFailures.inc({ reason: `refresh_${reason}` })
    if (sessionId !== undefined) this.#revoke(sessionId)
    events.security(reason === 'reused' ? 'auth.refresh.reused' : 'auth.refresh.refused', scope, { reason })
    this.#dependencies.noteFailedAttempt(scope)
    throw wrongCredentials('The refresh token is not valid')
  }

  async #openSession(tx: Transaction, userId: string): Promise<IssuedSession> {
    const expiresAt = new Date(this.#dependencies.now() + sessionSeconds * 1000).toISOString()
    const [session] = await tx.run(statements.insertSession, { userId, expiresAt })
    if (session === undefined) throw new Error('sessions: found no row after inserting a session')
    return this.#issue(tx, userId, session.id)
  }

  async #issue(tx: Transaction, userId: string, sessionId: string): Promise<IssuedSession> {
    const { token, hash } = createRefreshToken()
    await tx.run(statements.insertRefreshToken, { hash, sessionId })
    return { userId, sessionId, refreshToken: token }
  }

  async #session(scope: Scope, user: User, issued: IssuedSession): Promise<Session> {
    scope.principal = { userId: user.id, sessionId: issued.sessionId }
    const accessToken = await this.#dependencies.tokens.issue(issued)
    return { user, accessToken, refreshToken: issued.refreshToken, expiresIn: accessTokenSeconds }
  }

  #revoke(id: string): void {
    this.#dependencies.tokens.revoke(id)
    this.#dependencies.announceRevoked(id)
  }

  #iso(): string {
    return new Date(this.#dependencies.now()).toISOString()
  }
}

interface IssuedSession extends Principal {
  refreshToken: string
}

interface Refusal {
  refused: 'unknown' | 'revoked' | 'expired' | 'reused'
  /** The session whose token was used again. */
  sessionId?: string
}

type RefreshOutcome = Refusal | { user: User; issued: IssuedSession }

function wrongCredentials(detail: string): Problem {
  return new Problem('wrong-credentials', { detail, headers: { 'www-authenticate': 'Bearer' } })
}
