import { z } from 'zod'
import { defineEndpoint, textSchema } from '../http/index.ts'
import type { Endpoint } from '../http/index.ts'
import type { AuthService } from './service.ts'

const email = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$/, 'expected an email address')
  .meta({ description: 'Case does not matter', examples: ['ada@example.com'] })

const credentials = z.strictObject({
  email,
  password: textSchema(8, 128).meta({
    description: 'At least 8 characters',
    examples: ['correct horse battery staple'],
  }),
})

// A password that cannot be registered is answered like any wrong password.
const loginCredentials = z.strictObject({ email, password: textSchema(1, 128) })

export const userSchema = z.object({ id: z.uuid(), email: z.string(), createdAt: z.iso.datetime() })

const sessionSchema = z.object({
  user: userSchema,
  accessToken: z.string(),
  refreshToken: z.string().meta({ description: 'Can be used once' }),
  expiresIn: z.int().meta({ description: 'Seconds until the access token expires' }),
})

const maxBytes = 16_384

/** Registration, login and account operations. */
export function buildAuthEndpoints(auth: AuthService): Endpoint[] {
  return [...buildOpenEndpoints(auth), ...buildAccountEndpoints(auth)]
}

function buildOpenEndpoints(auth: AuthService): Endpoint[] {
  const shared = { tag: 'Authentication', access: 'open', limit: 'auth', method: 'POST' } as const
  return [
    defineEndpoint({
      ...shared,
      path: '/auth/register',
      id: 'register',
      summary: 'Create an account',
      body: { schema: credentials, maxBytes },
      answers: {
        201: { description: 'The account, with a new session', schema: sessionSchema },
        409: { description: 'The email is already registered' },
      },
      handle: async ({ scope, body }) => ({ status: 201, json: await auth.register(scope, body) }),
    }),
    defineEndpoint({
      ...shared,
      path: '/auth/login',
      id: 'login',
      summary: 'Log in',
      body: { schema: loginCredentials, maxBytes },
      answers: {
        200: { description: 'A new session', schema: sessionSchema },
        401: { description: 'The email or the password is wrong' },
        423: {
          description: 'Locked after too many failed logins',
          headers: { 'Retry-After': 'Seconds to wait before the next attempt' },
        },
      },
      handle: async ({ scope, body }) => ({ status: 200, json: await auth.login(scope, body) }),
    }),
    defineEndpoint({
      ...shared,
      path: '/auth/refresh',
      id: 'refresh',
      summary: 'Exchange a refresh token for new tokens',
      body: {
        schema: z.strictObject({
          refreshToken: textSchema(1, 512).meta({ examples: ['the refreshToken of an earlier answer'] }),
        }),
        maxBytes,
      },
      answers: {
        200: { description: 'New tokens; the old refresh token is no longer valid', schema: sessionSchema },
        401: { description: 'The refresh token is not valid' },
      },
      handle: async ({ scope, body }) => ({
        status: 200,
        json: await auth.refresh(scope, body.refreshToken),
      }),
    }),
  ]
}

function buildAccountEndpoints(auth: AuthService): Endpoint[] {
  const shared = { tag: 'Authentication', access: 'user', limit: 'user' } as const
  return [
    defineEndpoint({
      ...shared,
      method: 'POST',
      path: '/auth/logout',
      id: 'logout',
      summary: 'Log out and revoke the session and its refresh tokens',
      answers: { 204: { description: 'Logged out' } },
      handle: async ({ scope, principal }) => {
        await auth.logout(scope, principal)
        return { status: 204 }
      },
    }),
    defineEndpoint({
      ...shared,
      method: 'GET',
      path: '/auth/me',
      id: 'getMe',
      summary: 'Get the current user',
      answers: { 200: { description: 'The user', schema: userSchema } },
      handle: async ({ scope, principal }) => ({ status: 200, json: await auth.me(scope, principal) }),
    }),
    defineEndpoint({
      ...shared,
      method: 'DELETE',
      path: '/auth/me',
      id: 'deleteMe',
      summary: 'Delete the account and all its data',
      answers: { 204: { description: 'Deleted' } },
      handle: async ({ scope, principal }) => {
        await auth.deleteAccount(scope, principal)
        return { status: 204 }
      },
    }),
  ]
}
