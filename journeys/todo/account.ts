import type { Context, Response, StepRequest } from '../journey.ts'
import { fieldOf } from './expect.ts'

/**
 * The prefix of every account that vigil creates. A run removes its own; accounts that a crash left no one
 * can log in to any more, and is found in the database: `DELETE FROM users WHERE email LIKE
 * 'vigil-%@example.com' AND created_at < now() - interval '1 day'`.
 */
export const accountPrefix = 'vigil-'

/**
 * The credentials of a context's own account. An address may have 64 characters before the @; the end is what
 * differs.
 */
export function credentials(ctx: Context): { email: string; password: string } {
  return {
    email: `${accountPrefix}${ctx.unique.slice(-56)}@example.com`.toLowerCase(),
    password: `pass phrase of ${ctx.unique}`.slice(0, 100),
  }
}

/** Headers of a request made by the account whose token was saved. */
export function authorized(ctx: Context): Record<string, string> {
  return { authorization: `Bearer ${String(ctx['accessToken'])}` }
}

/** What later requests need of a new session. */
export function sessionOf(response: Response): Record<string, unknown> {
  return { accessToken: fieldOf(response, 'accessToken'), refreshToken: fieldOf(response, 'refreshToken') }
}

export function register(ctx: Context): StepRequest {
  return { method: 'POST', path: '/auth/register', json: credentials(ctx) }
}

/** Deletes the account and all that belongs to it. */
export function removeAccount(ctx: Context): StepRequest {
  return { method: 'DELETE', path: '/auth/me', headers: authorized(ctx) }
}
