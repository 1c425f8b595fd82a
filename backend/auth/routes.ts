import { z } from 'zod'
import { endpoint, text } from '../http/index.ts'
import type { Endpoint } from '../http/index.ts'
import type { AuthService } from './service.ts'

const email = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$/, 'expected an email address')
  .meta({ description: 'Compared without regard to case', examples: ['ada@example.com'] })

const credentials = z.strictObject({
  email,
  password: text(8, 128).meta({
    description: 'At least 8 characters',
    examples: ['correct horse battery staple'],
  }),
})

// A password that could not have been registered is wrong like any other.
const loginCredentials = z.strictObject({ email, password: text(1, 128) })

export const userSchema = z.object({ id: z.uuid(), email: z.string(), createdAt: z.iso.datetime() })

const sessionSchema = z.object({
  user: userSchema,
  accessToken: z.string(),
  refreshToken: z.string().meta({ description: 'Works once' }),
  expiresIn: z.int().meta({ description: 'Seconds until the access token expires' }),
})

const maxBytes = 16_384

/** Registration, login and what belongs to an account. */
export function authEndpoints(auth: AuthService): Endpoint[] {
  return [...openEndpoints(auth), ...accountEndpoints(auth)]
}

function openEndpoints(auth: AuthService): Endpoint[] {
  const shared = { tag: 'Authentication', access: 'open', limit: 'auth', method: 'POST' } as const
  return [
    endpoint({
      ...shared,
      path: '/auth/register',
      id: 'register',
      summary: 'Make an account',
      body: { schema: credentials, maxBytes },
      answers: {
        201: { description: 'The account, logged in', schema: sessionSchema },
        409: { description: 'The email is taken' },
      },
      handle: async ({ scope, body }) => ({ status: 201, json: await auth.register(scope, body) }),
    }),
    endpoint({
      ...shared,
      path: '/auth/login',
      id: 'login',
      summary: 'Log in',
      body: { schema: loginCredentials, maxBytes },
      answers: {
        200: { description: 'A new session', schema: sessionSchema },
        401: { description: 'The email or the password is wrong' },
        423: {
          description: 'Locked after too many failures',
          headers: { 'Retry-After': 'Seconds until the next try' },
        },
      },
      handle: async ({ scope, body }) => ({ status: 200, json: await auth.login(scope, body) }),
    }),
    endpoint({
      ...shared,
      path: '/auth/refresh',
      id: 'refresh',
      summary: 'Trade a refresh token for new tokens',
      body: {
        schema: z.strictObject({
          refreshToken: text(1, 512).meta({ examples: ['the refreshToken of an earlier answer'] }),
        }),
        maxBytes,
      },
      answers: {
        200: { description: 'New tokens; the old refresh token is used up', schema: sessionSchema },
        401: { description: 'The refresh token is not valid' },
      },
      handle: async ({ scope, body }) => ({
        status: 200,
        json: await auth.refresh(scope, body.refreshToken),
      }),
    }),
  ]
}

function accountEndpoints(auth: AuthService): Endpoint[] {
  const shared = { tag: 'Authentication', access: 'user', limit: 'user' } as const
  return [
    endpoint({
      ...shared,
      method: 'POST',
      path: '/auth/logout',
      id: 'logout',
      summary: 'Log out: the session and its refresh tokens are revoked',
      answers: { 204: { description: 'Logged out' } },
      handle: async ({ scope, principal }) => {
        await auth.logout(scope, principal)
        return { status: 204 }
      },
    }),
    endpoint({
      ...shared,
      method: 'GET',
      path: '/auth/me',
      id: 'getMe',
      summary: 'The caller',
      answers: { 200: { description: 'The user', schema: userSchema } },
      handle: async ({ scope, principal }) => ({ status: 200, json: await auth.me(scope, principal) }),
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      path: '/auth/me',
      id: 'deleteMe',
      summary: 'Delete the account and all its data',
      answers: { 204: { description: 'Gone' } },
      handle: async ({ scope, principal }) => {
        await auth.deleteAccount(scope, principal)
        return { status: 204 }
      },
    }),
  ]
}
