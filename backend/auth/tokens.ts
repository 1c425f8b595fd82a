import { createHash, randomBytes } from 'node:crypto'
import { SignJWT, errors, jwtVerify } from 'jose'
import { eq, sql } from '../db/drizzle.ts'
import { backgroundScope, schema, statement } from '../db/index.ts'
import type { Database } from '../db/index.ts'
import type { Principal } from '../http/index.ts'

const algorithm = 'HS256'
const issuer = 'todo-backend'
const audience = 'todo-api'

/** Seconds. An access token cannot be called back everywhere at once, so it does not live long. */
export const accessTokenSeconds = 900
export const sessionSeconds = 30 * 24 * 3600

export type TokenFailure = 'missing' | 'malformed' | 'expired' | 'signature' | 'claims' | 'revoked'

/** Why a token was refused; a class, never the token. */
export class TokenError extends Error {
  override name = 'TokenError'
  readonly reason: TokenFailure

  constructor(reason: TokenFailure) {
    super(`access token ${reason}`)
    this.reason = reason
  }
}

interface Verified {
  principal: Principal
  expiresAtMs: number
}

/** Verified tokens that are remembered; a signature is checked once, its expiry and revocation each time. */
const remembered = 20_000

/** Signs and verifies access tokens: JWTs with one algorithm, issuer and audience. */
export class AccessTokens {
  readonly #key: Uint8Array
  readonly #now: () => number
  readonly #beforeUse: () => void
  readonly #verified = new Map<string, Verified>()
  /** Session or user id → when its last token has expired. */
  readonly #revoked = new Map<string, number>()

  /** `beforeUse` runs before a token is made or checked; fault injection throws here. */
  constructor(secret: string, now: () => number, beforeUse: () => void = () => undefined) {
    this.#key = new TextEncoder().encode(secret)
    this.#now = now
    this.#beforeUse = beforeUse
  }

  sign(principal: Principal): Promise<string> {
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

  /** The caller named by an `Authorization` header. Throws {@link TokenError}. */
  authenticate(authorization: string | undefined): Principal | Promise<Principal> {
    this.#beforeUse()
    if (authorization === undefined) throw new TokenError('missing')
    if (authorization.length > 4096 || !/^bearer /i.test(authorization)) throw new TokenError('malformed')
    const token = authorization.slice(7).trim()
    const known = this.#verified.get(token)
    return known === undefined ? this.#verify(token) : this.#current(known)
  }

  /** From now on tokens of this session, or of this user, are refused here. */
  revoke(id: string): void {
    this.#forgetExpired()
    this.#revoked.set(id, this.#now() + accessTokenSeconds * 1000)
  }

  /** Throws when tokens cannot be made now: asked before work that would be in vain. */
  requireWorking(): void {
    this.#beforeUse()
  }

  /** Signs and verifies a token of nobody: whether this works at all. */
  async check(): Promise<void> {
    this.requireWorking()
    const token = await this.sign({ userId: 'nobody', sessionId: 'none' })
    await jwtVerify(token, this.#key, this.#options())
  }

  async #verify(token: string): Promise<Principal> {
    const verified = await this.#read(token)
    const principal = this.#current(verified)
    if (this.#verified.size >= remembered) this.#verified.clear()
    this.#verified.set(token, verified)
    return principal
  }

  async #read(token: string): Promise<Verified> {
    try {
      const { payload } = await jwtVerify(token, this.#key, this.#options())
      if (payload.sub === undefined || typeof payload['sid'] !== 'string' || payload.exp === undefined)
        throw new TokenError('claims')
      return {
        principal: { userId: payload.sub, sessionId: payload['sid'] },
        expiresAtMs: payload.exp * 1000,
      }
    } catch (error) {
      throw error instanceof TokenError ? error : new TokenError(failureOf(error))
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

  #current(verified: Verified): Principal {
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

function failureOf(error: unknown): TokenFailure {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWTClaimValidationFailed) return 'claims'
  return 'malformed'
}

/** A refresh token, and the hash of it that is kept. */
export function newRefreshToken(): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: refreshTokenHash(token) }
}

export function refreshTokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

const { sessions } = schema

/** Instances' clocks may differ by this much. */
const marginMs = 60_000

const recentlyRevoked = statement<{ id: string }>('sessions.recently_revoked', (db) =>
  db
    .select({ id: sessions.id })
    .from(sessions)
    .where(sql`${sessions.revokedAt} > ${sql.placeholder('since')}::timestamptz`)
    .prepare('sessions_recently_revoked'),
)

/**
 * Refuses from now on the access tokens of sessions that were revoked while this instance could not hear of it: before
 * it started, or while its connection to the others was gone. Rejects when the database does not answer.
 */
export async function recallRevoked(database: Database, tokens: AccessTokens, nowMs: number): Promise<void> {
  const since = new Date(nowMs - accessTokenSeconds * 1000 - marginMs).toISOString()
  for (const { id } of await database.run(backgroundScope(5000), recentlyRevoked, { since }))
    tokens.revoke(id)
}

const { developmentSecrets } = schema
const p = sql.placeholder

const proposeSecret = statement<{ value: string }>('development_secrets.propose', (db) =>
  db
    .insert(developmentSecrets)
    .values({ name: p('name'), value: p('value') })
    .onConflictDoNothing()
    .returning({ value: developmentSecrets.value })
    .prepare('development_secrets_propose'),
)

const readSecret = statement<{ value: string }>('development_secrets.read', (db) =>
  db
    .select({ value: developmentSecrets.value })
    .from(developmentSecrets)
    .where(eq(developmentSecrets.name, p('name')))
    .prepare('development_secrets_read'),
)

/**
 * The key for access tokens: the configured one, or outside production one that all instances on this database share
 * and that outlives a restart.
 */
export async function signingSecret(database: Database, configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured
  const scope = backgroundScope(10_000)
  await database.run(scope, proposeSecret, {
    name: 'access-tokens',
    value: randomBytes(48).toString('base64url'),
  })
  const [row] = await database.run(scope, readSecret, { name: 'access-tokens' })
  if (row === undefined) throw new Error('development_secrets: the secret just written is not there')
  return row.value
}
