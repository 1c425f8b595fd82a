import type { Context, Response, Step, StepRequest, Journey } from '../journey.ts'
/**
 * Prefix of every account that vigil creates. A run deletes its accounts. After a crash no one can log in to
 * the remaining ones; delete them in the database: `DELETE FROM users WHERE email LIKE 'vigil-%@example.com'
 * AND created_at < now() - interval '1 day'`.
 */
export const accountPrefix = 'vigil-'

/**
 * The credentials of a context's account. An address may have 64 characters before the @; contexts differ in
 * the last characters.
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

/** The tokens that later requests need. */
export function sessionOf(response: Response): Record<string, unknown> {
  return { accessToken: fieldOf(response, 'accessToken'), refreshToken: fieldOf(response, 'refreshToken') }
}

export function register(ctx: Context): StepRequest {
  return { method: 'POST', path: '/auth/register', json: credentials(ctx) }
}

/** Deletes the account and its data. */
export function removeAccount(ctx: Context): StepRequest {
  return { method: 'DELETE', path: '/auth/me', headers: authorized(ctx) }
}

/** Creates the account of a virtual user, before its measured steps. */
export const registerStep: Step = {
  name: 'register',
  request: register,
  status: 201,
  check: (response) => expectText(response, 'accessToken'),
  save: sessionOf,
}

/**
 * Deletes the account of a virtual user, after its measured steps. There is none if its registration failed:
 * the API would count a request without its token as an attack, and an outage of the database would end as an
 * alert about a suspicious address.
 */
export const removeAccountStep: Step = {
  name: 'remove-account',
  request: (ctx) =>
    ctx['accessToken'] === undefined || ctx['removed'] === true
      ? { method: 'GET', path: '/health' }
      : removeAccount(ctx),
}

/** A request for the task whose id was saved. */
export function taskRequest(ctx: Context, method: string, json?: Record<string, unknown>): StepRequest {
  return { method, path: `/tasks/${String(ctx['taskId'])}`, headers: authorized(ctx), ...(json && { json }) }
}

/** A request that creates a task. */
export function createTask(ctx: Context, json: Record<string, unknown>): StepRequest {
  return { method: 'POST', path: '/tasks', headers: authorized(ctx), json }
}

function expectSession(response: Response): string | undefined {
  return expectText(response, 'accessToken') ?? expectText(response, 'refreshToken')
}

/** The life of an account, from registration to deletion. */
export const authFlow: Journey = {
  name: 'auth-flow',
  steps: [
    {
      name: 'register',
      request: register,
      status: 201,
      check: expectSession,
      save: sessionOf,
    },
    {
      name: 'login',
      request: (ctx) => ({ method: 'POST', path: '/auth/login', json: credentials(ctx) }),
      status: 200,
      check: expectSession,
      save: sessionOf,
    },
    {
      name: 'me',
      request: (ctx) => ({ method: 'GET', path: '/auth/me', headers: authorized(ctx) }),
      status: 200,
      check: (response, ctx) => expectField(response, 'email', credentials(ctx).email),
    },
    {
      name: 'refresh',
      request: (ctx) => ({
        method: 'POST',
        path: '/auth/refresh',
        json: { refreshToken: ctx['refreshToken'] },
      }),
      status: 200,
      check: expectSession,
      save: sessionOf,
    },
    {
      name: 'remove',
      request: removeAccount,
      status: 204,
      save: () => ({ removed: true }),
    },
  ],
  // Only where a step in between failed is there something to remove.
  after: [{ ...removeAccountStep, name: 'clean-up' }],
}

/** Returns `undefined` for the expected status, else a sentence with both. */
export function expectStatus(response: Response, status: number): string | undefined {
  return response.status === status ? undefined : `status ${response.status}, expected ${status}`
}

/**
 * Returns `undefined` if the field, a path such as `user.email`, has this value, else a sentence with both.
 */
export function expectField(response: Response, path: string, value: unknown): string | undefined {
  const found = fieldOf(response, path)
  return found === value ? undefined : `${path} is ${shown(found)}, expected ${shown(value)}`
}

/** Returns `undefined` if each field has its value, else a sentence about the first that has not. */
export function expectFields(response: Response, fields: Record<string, unknown>): string | undefined {
  for (const [path, value] of Object.entries(fields)) {
    const problem = expectField(response, path, value)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Returns `undefined` if the field is a non-empty text. */
export function expectText(response: Response, path: string): string | undefined {
  const found = fieldOf(response, path)
  return typeof found === 'string' && found !== '' ? undefined : `${path} is ${typeof found}, expected text`
}

/** Reads a field of the response's JSON; undefined if it does not exist. */
export function fieldOf(response: Response, path: string): unknown {
  let at: unknown = response.json
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined
    // An inherited property (`constructor`) is not a field of the response.
    at = Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined
  }
  return at
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80)
}
