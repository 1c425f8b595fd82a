import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { SignJWT, errors, jwtVerify } from 'jose'
import QuickLRU from 'quick-lru'
import { z } from 'zod'
import { createBackgroundScope } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import type { Principal } from '../http/index.ts'
import { liveSession, proposeSecret } from './statements.ts'

const algorithm = 'HS256'
const issuer = 'todo-backend'
const audience = 'todo-api'
const type = 'at+jwt'
const claims = z.object({ sub: z.uuid(), sid: z.uuid(), iat: z.number(), exp: z.number() })

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

interface KnownToken {
  principal: Principal
  expiresAtMs: number
  /** When the database was last asked whether its account exists and its session is not revoked. */
  checkedAtMs: number
  isRevoked: boolean
}

const maxKnown = 20_000

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
  /** A signature is verified once. Expiry and revocation are checked each time. */
  readonly #known = new QuickLRU<string, KnownToken>({ maxSize: maxKnown })

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
  async issue({ userId, sessionId }: Principal): Promise<string> {
    const checkedAtMs = this.#now()
    const expiresAt = Math.floor(checkedAtMs / 1000) + accessTokenSeconds
    const token = await this.#sign(userId, sessionId, expiresAt)
    const expiresAtMs = expiresAt * 1000
    this.#known.set(token, { principal: { userId, sessionId }, expiresAtMs, checkedAtMs, isRevoked: false })
    return token
  }

  /** Returns the caller that an `Authorization` header identifies. Throws {@link TokenError}. */
  authenticate(authorization: string | undefined): Principal | Promise<Principal> {
    this.#beforeUse()
    if (authorization === undefined) throw new TokenError('missing')
    if (authorization.length > 4096 || !/^bearer /i.test(authorization)) throw new TokenError('malformed')
    const token = authorization.slice(7).trim()
    const known = this.#known.get(token)
    if (known === undefined) return this.#verify(token)
    const now = this.#now()
    if (known.expiresAtMs <= now) throw new TokenError('expired')
    // Unknown while the database does not answer: the next request after a while asks again.
    if (now - known.checkedAtMs > recheckMs) this.#check(known).catch(() => undefined)
    return requireValid(known)
  }

  /** Refuses tokens of these sessions and users on this instance from now on. */
  revoke(ids: ReadonlySet<string>): void {
    for (const [, token] of this.#known)
      token.isRevoked ||= ids.has(token.principal.sessionId) || ids.has(token.principal.userId)
  }

  /** Throws if tokens cannot be signed now. Called before work that would be useless without a token. */
  requireWorking(): void {
    this.#beforeUse()
  }

  /** Signs and verifies a test token. Rejects if that fails. */
  async check(): Promise<void> {
    this.requireWorking()
    await this.#read(await this.#sign(randomUUID(), randomUUID(), Math.floor(this.#now() / 1000) + 60))
  }

  #sign(userId: string, sessionId: string, expiresAt: number): Promise<string> {
    return new SignJWT({ sid: sessionId })
      .setProtectedHeader({ alg: algorithm, typ: type })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(Math.floor(this.#now() / 1000))
      .setExpirationTime(expiresAt)
      .sign(this.#key)
  }

  async #verify(token: string): Promise<Principal> {
    const known = await this.#read(token)
    await this.#check(known)
    // If it was revoked while the database was asked, `Revocations` repeats that in a moment.
    this.#known.set(token, known)
    return requireValid(known)
  }

  async #check(known: KnownToken): Promise<void> {
    known.checkedAtMs = this.#now()
    const isLive = await this.#checkSession(known.principal)
    known.isRevoked ||= !isLive
  }

  async #read(token: string): Promise<KnownToken> {
    const currentDate = new Date(this.#now())
    const options = { algorithms: [algorithm], issuer, audience, typ: type, currentDate }
    const { payload } = await jwtVerify(token, this.#key, options).catch((error: unknown) => {
      throw new TokenError(classifyFailure(error))
    })
    const { success, data } = claims.safeParse(payload)
    if (!success) throw new TokenError('claims')
    const principal = { userId: data.sub, sessionId: data.sid }
    return { principal, expiresAtMs: data.exp * 1000, checkedAtMs: this.#now(), isRevoked: false }
  }
}

function requireValid({ principal, isRevoked }: KnownToken): Principal {
  if (isRevoked) throw new TokenError('revoked')
  return principal
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

const checkLimitMs = 5000

/**
 * Checks an account and its session in the database. The query is not part of a request's cost, which would
 * otherwise depend on the instance that issued the token.
 */
export function createSessionCheck(database: Database): SessionCheck {
  return async ({ userId, sessionId }) => {
    const rows = await database.run(createBackgroundScope(checkLimitMs), liveSession, { userId, sessionId })
    return rows.length > 0
  }
}

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
