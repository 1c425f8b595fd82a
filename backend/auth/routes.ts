import { Hono } from 'hono'
import { z } from 'zod'
import type { Guards } from './guards.ts'
import { answer, describeGroup, jsonBody, textSchema } from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import type { AuthService } from './service.ts'

const email = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$/, 'expected an email address')
  .meta({ description: 'Case does not matter' })

const examples = [{ email: 'ada@example.com', password: 'correct horse battery staple' }]
const credentials = z
  .strictObject({ email, password: textSchema(8, 128).meta({ description: 'At least 8 characters' }) })
  .meta({ examples })

// A password that cannot be registered is answered like any wrong password.
const loginCredentials = z.strictObject({ email, password: textSchema(1, 128) }).meta({ examples })

const refreshRequest = z
  .strictObject({ refreshToken: textSchema(1, 512) })
  .meta({ examples: [{ refreshToken: 'the refreshToken of an earlier answer' }] })

const user = {
  id: '019b0000-0000-7000-8000-000000000000',
  email: 'ada@example.com',
  createdAt: '2027-01-30T18:00:00.000Z',
}
const userSchema = z
  .object({ id: z.uuid(), email: z.string(), createdAt: z.iso.datetime() })
  .meta({ examples: [user] })

const sessionSchema = z
  .object({
    user: userSchema,
    accessToken: z.string(),
    refreshToken: z.string().meta({ description: 'Can be used once' }),
    expiresIn: z.int().meta({ description: 'Seconds until the access token expires' }),
  })
  .meta({ examples: [{ user, accessToken: 'eyJ…', refreshToken: 'x3Vq…', expiresIn: 900 }] })

const describe = describeGroup('Authentication')
const maxBytes = 16_384

const register = describe('register', 'Create an account', {
  201: answer('The account, with a new session', sessionSchema),
  409: answer('The email is already registered'),
})

const login = describe('login', 'Log in', {
  200: answer('A new session', sessionSchema),
  401: answer('The email or the password is wrong'),
  423: answer('Locked after too many failed logins', undefined, {
    headers: { 'Retry-After': 'Seconds to wait before the next attempt' },
  }),
})

const refresh = describe('refresh', 'Exchange a refresh token for new tokens', {
  200: answer('New tokens; the old refresh token is no longer valid', sessionSchema),
  401: answer('The refresh token is not valid'),
})

const logout = describe('logout', 'Log out and revoke the session and its refresh tokens', {
  204: answer('Logged out'),
})

const getMe = describe('getMe', 'Get the current user', { 200: answer('The user', userSchema) })

const deleteMe = describe('deleteMe', 'Delete the account and all its data', { 204: answer('Deleted') })

/** Registration, login and account operations. */
export function authRoutes(auth: AuthService, { signedIn, limitedByAddress }: Guards): App {
  return new Hono<AppEnv>()
    .post('/auth/register', register, limitedByAddress, jsonBody(credentials, maxBytes), async (c) =>
      c.json(await auth.register(c.var.scope, c.req.valid('json')), 201),
    )
    .post('/auth/login', login, limitedByAddress, jsonBody(loginCredentials, maxBytes), async (c) =>
      c.json(await auth.login(c.var.scope, c.req.valid('json'))),
    )
    .post('/auth/refresh', refresh, limitedByAddress, jsonBody(refreshRequest, maxBytes), async (c) =>
      c.json(await auth.refresh(c.var.scope, c.req.valid('json').refreshToken)),
    )
    .post('/auth/logout', logout, signedIn, async (c) => {
      await auth.logout(c.var.scope, c.var.principal)
      return c.body(null, 204)
    })
    .get('/auth/me', getMe, signedIn, async (c) => c.json(await auth.me(c.var.scope, c.var.principal)))
    .delete('/auth/me', deleteMe, signedIn, async (c) => {
      await auth.deleteAccount(c.var.scope, c.var.principal)
      return c.body(null, 204)
    })
}
