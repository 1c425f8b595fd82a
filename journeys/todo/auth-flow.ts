import type { Journey, Response } from '../journey.ts'
import { authorized, credentials, register, removeAccount, sessionOf } from './account.ts'
import { expectField, expectStatus, expectText } from './expect.ts'

function expectSession(response: Response, status: number): string | undefined {
  return (
    expectStatus(response, status) ??
    expectText(response, 'accessToken') ??
    expectText(response, 'refreshToken')
  )
}

/** An account from its making to its end. */
export const authFlow: Journey = {
  name: 'auth-flow',
  steps: [
    {
      name: 'register',
      request: register,
      check: (response) => expectSession(response, 201),
      save: sessionOf,
    },
    {
      name: 'login',
      request: (ctx) => ({ method: 'POST', path: '/auth/login', json: credentials(ctx) }),
      check: (response) => expectSession(response, 200),
      save: sessionOf,
    },
    {
      name: 'me',
      request: (ctx) => ({ method: 'GET', path: '/auth/me', headers: authorized(ctx) }),
      check: (response, ctx) =>
        expectStatus(response, 200) ?? expectField(response, 'email', credentials(ctx).email),
    },
    {
      name: 'refresh',
      request: (ctx) => ({
        method: 'POST',
        path: '/auth/refresh',
        json: { refreshToken: ctx['refreshToken'] },
      }),
      check: (response) => expectSession(response, 200),
      save: sessionOf,
    },
    {
      name: 'remove',
      request: removeAccount,
      check: (response) => expectStatus(response, 204),
      save: () => ({ removed: true }),
    },
  ],
  after: [
    {
      name: 'clean-up',
      // Only where a step in between failed is there something to remove; a request with a dead token would
      // be a security event.
      request: (ctx) =>
        ctx['accessToken'] === undefined || ctx['removed'] === true
          ? { method: 'GET', path: '/health' }
          : removeAccount(ctx),
    },
  ],
}
