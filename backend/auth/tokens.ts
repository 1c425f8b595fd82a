import { createHash, randomBytes } from 'node:crypto'
import { SignJWT, errors, jwtVerify } from 'jose'
import QuickLRU from 'quick-lru'
import { and, eq, isNotNull, notExists, sql } from '../db/drizzle.ts'
import { createBackgroundScope, schema, defineStatement } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import type { Principal } from '../http/index.ts'

const algorithm = 'HS256'
const issuer = 'todo-backend'
const audience = 'todo-api'

/** Short, because a revocation does not reach all instances immediately. */
export const accessTokenSeconds = 900
export const sessionSeconds = 30 * 24 * 3600

export type TokenFailure = 'missing' | 'malformed' | 'expired' | 'signature' | 'claims' | 'revoked'

/** Reports why a token was refused: a class of reasons, never the token. */
export class TokenError extends Error {
  override name = 'TokenError'
  readonly reason: TokenFailure

  constructor(reason: TokenFailure) {
    super(`access token ${reason}`)
    this.reason = reason
  }
}

interface VerifiedToken {
  principal: Principal
  expiresAtMs: number
  /** When the database last said that its account exists and its session is not revoked. */
  checkedAtMs: number
}

/**
 * Verified tokens kept in memory. A signature is verified once; expiry and revocation are checked each time.
 */
const maxVerified = 20_000

/** How often an instance asks the database again about a known token. No request waits for it. */
const recheckMs = 30_000

/** Returns whether an account exists, and its session is not revoked. Rejects if that is unknown. */
export type SessionCheck = (principal: Principal) => Promise<boolean>

/** Signs and verifies access tokens: JWTs with one algorithm, issuer and audience. */
export class AccessTokens {
  readonly #key: Uint8Array
  readonly #now: () => number
  readonly #beforeUse: () => void
  readonly #checkSession: SessionCheck
  readonly #verified = new QuickLRU<string, VerifiedToken>({ maxSize: maxVerified })
  /** Session or user id → the time at which its last token expires. */
  readonly #revoked = new Map<string, number>()

  /**
   * @param checkSession is asked when an instance first receives a token that it did not issue: after a
   *   restart, or from another instance
   * @param beforeUse runs before a token is signed or verified; fault injection throws here
   */
  constructor(
    secret: string,
    now: () => number,
    checkSession: SessionCheck,
    beforeUse: () => void = () => undefined,
  ) {
    this.#key = new TextEncoder().encode(secret)
    this.#now = now
    this.#checkSession = checkSession
    this.#beforeUse = beforeUse
  }

  /** Signs a token for a session that exists. */
  async issue(principal: Principal): Promise<string> {
    const token = await this.#sign(principal)
    const now = this.#now()
    const { userId, sessionId } = principal
    const expiresAtMs = (Math.floor(now / 1000) + accessTokenSeconds) * 1000
    this.#verified.set(token, { principal: { userId, sessionId }, expiresAtMs, checkedAtMs: now })
    return token
  }

  #sign(principal: Principal): Promise<string> {
    const issuedAt = Math.floor(this.#now() / 1000)
    return new SignJWT({ sid: principal.sessionId })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt' })
      .setSubject(principal.userId)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + accessTokenSeconds)
      .sign(this.#key)
  }

  /** Returns the caller that an `Authorization` header identifies. Throws {@link TokenError}. */
  authenticate(authorization: string | undefined): Principal | Promise<Principal> {
    this.#beforeUse()
    if (authorization === undefined) throw new TokenError('missing')
    if (authorization.length > 4096 || !/^bearer /i.test(authorization)) throw new TokenError('malformed')
    const token = authorization.slice(7).trim()
    const known = this.#verified.get(token)
    if (known === undefined) return this.#verify(token)
    const principal = this.#current(known)
    if (this.#now() - known.checkedAtMs > recheckMs) this.#recheck(known)
    return principal
  }

  /** Refuses tokens of this session or user on this instance from now on. */
  revoke(id: string): void {
    this.#forgetExpired()
    this.#revoked.set(id, this.#now() + accessTokenSeconds * 1000)
  }

  /** Throws if tokens cannot be signed now. Called before work that would be useless without a token. */
  requireWorking(): void {
    this.#beforeUse()
  }

  /** Signs and verifies a test token. Rejects if that fails. */
  async check(): Promise<void> {
    this.requireWorking()
    const token = await this.#sign({ userId: 'readiness-check', sessionId: 'none' })
    await jwtVerify(token, this.#key, this.#options())
  }

  async #verify(token: string): Promise<Principal> {
    const verified = await this.#read(token)
    const principal = this.#current(verified)
    if (!(await this.#checkSession(principal))) throw new TokenError('revoked')
    this.#verified.set(token, verified)
    // It may have been revoked while the database was asked.
    return this.#current(verified)
  }

  #recheck(known: VerifiedToken): void {
    known.checkedAtMs = this.#now()
    void this.#checkSession(known.principal).then(
      (exists) => exists || this.revoke(known.principal.sessionId),
      // Unknown while the database does not answer: the next request after a while asks again.
      () => undefined,
    )
  }

  async #read(token: string): Promise<VerifiedToken> {
    try {
      const { payload } = await jwtVerify(token, this.#key, this.#options())
      if (payload.sub === undefined || typeof payload['sid'] !== 'string' || payload.exp === undefined)
        throw new TokenError('claims')
      return {
        principal: { userId: payload.sub, sessionId: payload['sid'] },
        expiresAtMs: payload.exp * 1000,
        checkedAtMs: this.#now(),
      }
    } catch (error) {
      throw error instanceof TokenError ? error : new TokenError(classifyFailure(error))
    }
  }

  #options() {
    return {
      algorithms: [algorithm],
      issuer,
      audience,
      typ: 'at+jwt',
      currentDate: new Date(this.#now()),
      requiredClaims: ['sub', 'sid', 'iat', 'exp'],
    }
  }

  #current(verified: VerifiedToken): Principal {
    const { principal, expiresAtMs } = verified
    if (expiresAtMs <= this.#now()) throw new TokenError('expired')
    if (
      this.#revoked.size > 0 &&
      (this.#revoked.has(principal.sessionId) || this.#revoked.has(principal.userId))
    )
      throw new TokenError('revoked')
    return principal
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (const [id, until] of this.#revoked) {
      if (until > now) return
      this.#revoked.delete(id)
    }
  }
}

function classifyFailure(error: unknown): TokenFailure {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWTClaimValidationFailed) return 'claims'
  return 'malformed'
}

/** Creates a refresh token and the hash that is stored. */
export function createRefreshToken(): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashRefreshToken(token) }
}

export function hashRefreshToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

const { sessions, users } = schema
const p = sql.placeholder

const accountOfSession = defineStatement('sessions.account', (db) => {
  const revoked = db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, p('sessionId')), isNotNull(sessions.revokedAt)))
  return db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, p('userId')), notExists(revoked)))
})

/**
 * Checks an account and its session in the database, each by its key. The query is not part of a request's
 * cost, which would otherwise depend on the instance that issued the token.
 */
export function createSessionCheck(database: Database): SessionCheck {
  return async ({ userId, sessionId }) => {
    if (!isUuid(userId)) return false
    const values = { userId, sessionId: isUuid(sessionId) ? sessionId : null }
    const rows = await database.run(createBackgroundScope(checkLimitMs), accountOfSession, values)
    return rows.length > 0
  }
}

const checkLimitMs = 5000

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

const { developmentSecrets } = schema

// An update without effect returns the value that is there.
const proposeSecret = defineStatement('development_secrets.propose', (db) =>
  db
    .insert(developmentSecrets)
    .values({ name: p('name'), value: p('value') })
    .onConflictDoUpdate({ target: developmentSecrets.name, set: { name: sql`${p('name')}` } })
    .returning({ value: developmentSecrets.value }),
)

/**
 * Returns the key for access tokens: the configured one, or outside production one from the database, which
 * all instances on it share and which survives restarts.
 */
export async function loadSigningSecret(database: Database, configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured
  const value = randomBytes(48).toString('base64url')
  const values = { name: 'access-tokens', value }
  const [row] = await database.run(createBackgroundScope(10_000), proposeSecret, values)
  return row?.value ?? value
}
