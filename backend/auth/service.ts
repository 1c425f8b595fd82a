import { isUniqueViolation, uuidv7 } from '../db/index.ts'
import type { Database, Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'
import type { Principal, Scope } from '../http/index.ts'
import type { Events, Metrics } from '../observability/index.ts'
import { Lockout } from './passwords.ts'
import type { Passwords } from './passwords.ts'
import * as statements from './statements.ts'
import { accessTokenSeconds, newRefreshToken, refreshTokenHash, sessionSeconds } from './tokens.ts'
import type { AccessTokens } from './tokens.ts'

export interface User {
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

export interface Credentials {
  email: string
  password: string
}

export interface AuthDependencies {
  database: Database
  tokens: AccessTokens
  passwords: Passwords
  metrics: Metrics
  events: Events
  now: () => number
  /** Tells other instances that tokens of a session or user are revoked. */
  announceRevoked: (id: string) => void
  /** Told of each failed attempt at a password or token. */
  attemptFailed: (scope: Scope) => void
}

export class AuthService {
  readonly #with: AuthDependencies
  readonly #lockout: Lockout

  constructor(dependencies: AuthDependencies) {
    this.#with = dependencies
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

  // Whatever the caller could not help is an error, and no failed attempt.
  async #attempt(action: string, work: () => Promise<Session>): Promise<Session> {
    try {
      this.#with.tokens.requireWorking()
      return await work()
    } catch (error) {
      const ours = !(error instanceof Problem) || error.status >= 500
      if (ours) this.#with.metrics.authAttempts.inc({ action, result: 'error', reason: 'unavailable' })
      throw error
    }
  }

  async #register(scope: Scope, { email, password }: Credentials): Promise<Session> {
    const { database, metrics, events, passwords } = this.#with
    const passwordHash = await passwords.hash(password)
    const user = { id: uuidv7(this.#with.now()), email: email.toLowerCase(), createdAt: this.#iso() }
    try {
      const issued = await database.transaction(scope, async (tx) => {
        await tx.run(statements.insertUser, { ...user, passwordHash, now: user.createdAt })
        return this.#openSession(tx, user.id)
      })
      metrics.authAttempts.inc({ action: 'register', result: 'success', reason: 'none' })
      metrics.registrations.inc()
      scope.principal = { userId: user.id, sessionId: issued.sessionId }
      events.audit('user.registered', scope)
      return await this.#session(user, issued)
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      metrics.authAttempts.inc({ action: 'register', result: 'failure', reason: 'email_taken' })
      throw new Problem('conflict', { detail: 'There is an account with this email already' })
    }
  }

  async #login(scope: Scope, credentials: Credentials): Promise<Session> {
    const { database, metrics, events, passwords } = this.#with
    const email = credentials.email.toLowerCase()
    let failuresBefore = await this.#unlocked(scope, email)
    const [account] = await database.run(scope, statements.userByEmail, { email })
    const matches = await passwords.verify(account?.passwordHash, credentials.password, async () => {
      failuresBefore = await this.#unlocked(scope, email)
    })
    if (account === undefined || !matches)
      return this.#loginFailed(scope, email, account === undefined ? 'unknown_account' : 'wrong_password')
    if (failuresBefore > 0) await this.#lockout.succeed(scope, email)
    const issued = await database.transaction(scope, (tx) => this.#openSession(tx, account.id))
    metrics.authAttempts.inc({ action: 'login', result: 'success', reason: 'none' })
    scope.principal = { userId: account.id, sessionId: issued.sessionId }
    events.audit('user.logged_in', scope)
    return this.#session({ id: account.id, email: account.email, createdAt: account.createdAt }, issued)
  }

  async #refresh(scope: Scope, refreshToken: string): Promise<Session> {
    const { database, metrics } = this.#with
    const hash = refreshTokenHash(refreshToken)
    const outcome = await database.transaction<RefreshOutcome>(scope, async (tx) => {
      const now = this.#iso()
      const [found] = await tx.run(statements.refreshTokenForUse, { hash, now })
      if (found === undefined || found.expired || found.revoked) return { refused: refusalOf(found) }
      if (found.used) {
        await tx.run(statements.revokeSession, { id: found.sessionId, now })
        return { reused: found.sessionId }
      }
      await tx.run(statements.useRefreshToken, { hash, now })
      const user = { id: found.userId, email: found.email, createdAt: found.userCreatedAt }
      return { user, issued: await this.#issue(tx, user.id, found.sessionId) }
    })
    if ('issued' in outcome) {
      metrics.authAttempts.inc({ action: 'refresh', result: 'success', reason: 'none' })
      scope.principal = { userId: outcome.user.id, sessionId: outcome.issued.sessionId }
      return this.#session(outcome.user, outcome.issued)
    }
    return this.#refreshRefused(scope, outcome)
  }

  async logout(scope: Scope, principal: Principal): Promise<void> {
    await this.#with.database.run(scope, statements.revokeSession, {
      id: principal.sessionId,
      now: this.#iso(),
    })
    this.#revoke(principal.sessionId)
    this.#with.events.audit('user.logged_out', scope)
  }

  async me(scope: Scope, principal: Principal): Promise<User> {
    const [user] = await this.#with.database.run(scope, statements.userById, { id: principal.userId })
    if (user === undefined)
      throw new Problem('unauthenticated', {
        detail: 'The account is gone',
        headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
      })
    return user
  }

  async deleteAccount(scope: Scope, principal: Principal): Promise<void> {
    const [deleted] = await this.#with.database.run(scope, statements.deleteUser, { id: principal.userId })
    this.#revoke(principal.userId)
    if (deleted !== undefined) this.#with.events.audit('user.deleted', scope)
  }

  async #unlocked(scope: Scope, email: string): Promise<number> {
    try {
      return await this.#lockout.requireUnlocked(scope, email)
    } catch (error) {
      if (error instanceof Problem && error.kind === 'locked-out') {
        this.#with.metrics.authAttempts.inc({ action: 'login', result: 'failure', reason: 'locked_out' })
        this.#with.events.security('auth.login.locked', scope)
        this.#with.attemptFailed(scope)
      }
      throw error
    }
  }

  async #loginFailed(
    scope: Scope,
    email: string,
    reason: 'unknown_account' | 'wrong_password',
  ): Promise<never> {
    const { metrics, events } = this.#with
    // First: an attempt that cannot be counted is an error of ours, and told as one.
    const locked = await this.#lockout.fail(scope, email)
    metrics.authAttempts.inc({ action: 'login', result: 'failure', reason })
    events.security('auth.login.failed', scope, { reason })
    this.#with.attemptFailed(scope)
    if (locked) {
      metrics.lockouts.inc()
      events.security('auth.account.locked', scope)
    }
    throw new Problem('wrong-credentials', {
      detail: 'The email or the password is wrong',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }

  #refreshRefused(scope: Scope, outcome: Refusal): never {
    const reason = 'reused' in outcome ? 'reused' : outcome.refused
    const { metrics, events } = this.#with
    metrics.authAttempts.inc({ action: 'refresh', result: 'failure', reason })
    metrics.tokenFailures.inc({ reason: `refresh_${reason}` })
    if ('reused' in outcome) this.#revoke(outcome.reused)
    events.security('reused' in outcome ? 'auth.refresh.reused' : 'auth.refresh.refused', scope, { reason })
    this.#with.attemptFailed(scope)
    throw new Problem('wrong-credentials', {
      detail: 'The refresh token is not valid',
      headers: { 'www-authenticate': 'Bearer' },
    })
  }

  async #openSession(tx: Transaction, userId: string): Promise<Issued> {
    const id = uuidv7(this.#with.now())
    const expiresAt = new Date(this.#with.now() + sessionSeconds * 1000).toISOString()
    await tx.run(statements.insertSession, { id, userId, now: this.#iso(), expiresAt })
    return this.#issue(tx, userId, id)
  }

  async #issue(tx: Transaction, userId: string, sessionId: string): Promise<Issued> {
    const { token, hash } = newRefreshToken()
    await tx.run(statements.insertRefreshToken, { hash, sessionId })
    return { userId, sessionId, refreshToken: token }
  }

  async #session(user: User, issued: Issued): Promise<Session> {
    const accessToken = await this.#with.tokens.sign(issued)
    return { user, accessToken, refreshToken: issued.refreshToken, expiresIn: accessTokenSeconds }
  }

  #revoke(id: string): void {
    this.#with.tokens.revoke(id)
    this.#with.announceRevoked(id)
  }

  #iso(): string {
    return new Date(this.#with.now()).toISOString()
  }
}

interface Issued extends Principal {
  refreshToken: string
}

type Refusal = { refused: 'unknown' | 'revoked' | 'expired' } | { reused: string }
type RefreshOutcome = Refusal | { user: User; issued: Issued }

function refusalOf(found: { revoked: boolean } | undefined): 'unknown' | 'revoked' | 'expired' {
  if (found === undefined) return 'unknown'
  return found.revoked ? 'revoked' : 'expired'
}
