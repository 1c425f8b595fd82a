import type { Context, Journey, Response, Step } from '../journey.ts'
import { authorized, createTask, credentials, registerStep, removeAccount, taskRequest } from './account.ts'
import { expectField, expectStatus, expectText, fieldOf } from './expect.ts'

/** The context of the other user. */
function asOther(ctx: Context): Context {
  return { ...ctx, unique: `${ctx.unique}-other`, accessToken: ctx['otherToken'] }
}

function titleOf(ctx: Context): string {
  return `Private ${ctx.unique}`
}

// Only 404: a 403 would reveal that the task exists.
function expectUnseen(what: string): (response: Response) => string | undefined {
  return (response) =>
    response.status === 404 ? undefined : `status ${response.status}, expected 404: another user ${what}`
}

function expectNotListed(response: Response, ctx: Context): string | undefined {
  const problem = expectStatus(response, 200)
  if (problem !== undefined) return problem
  const items = fieldOf(response, 'items')
  if (!Array.isArray(items)) return 'items is no array'
  // The account is new, so a listed task belongs to another user.
  return items.length === 0
    ? undefined
    : `${items.length} listed, expected none: another user sees tasks that are not theirs (task ` +
        `${String(ctx['taskId'])} was just made)`
}

function removal(name: string, token: string, as: (ctx: Context) => Context): Step {
  return {
    name,
    request: (ctx) =>
      ctx[token] === undefined ? { method: 'GET', path: '/health' } : removeAccount(as(ctx)),
  }
}

/** One user must not read, list, change or delete another user's tasks. */
export const authorization: Journey = {
  name: 'authorization',
  before: [
    registerStep,
    {
      name: 'register-other',
      request: (ctx) => ({ method: 'POST', path: '/auth/register', json: credentials(asOther(ctx)) }),
      check: (response) => expectStatus(response, 201) ?? expectText(response, 'accessToken'),
      save: (response) => ({ otherToken: fieldOf(response, 'accessToken') }),
    },
  ],
  steps: [
    {
      name: 'create',
      request: (ctx) => createTask(ctx, { title: titleOf(ctx) }),
      check: (response) => expectStatus(response, 201) ?? expectText(response, 'id'),
      save: (response) => ({ taskId: fieldOf(response, 'id') }),
    },
    {
      name: 'other-reads',
      request: (ctx) => taskRequest(asOther(ctx), 'GET'),
      check: expectUnseen('may read it'),
    },
    {
      name: 'other-lists',
      request: (ctx) => ({ method: 'GET', path: '/tasks', headers: authorized(asOther(ctx)) }),
      check: expectNotListed,
    },
    {
      name: 'other-changes',
      request: (ctx) => taskRequest(asOther(ctx), 'PATCH', { title: 'Changed by another user' }),
      check: expectUnseen('may change it'),
    },
    {
      name: 'other-deletes',
      request: (ctx) => taskRequest(asOther(ctx), 'DELETE'),
      check: expectUnseen('may delete it'),
    },
    {
      name: 'still-there',
      request: (ctx) => taskRequest(ctx, 'GET'),
      check: (response, ctx) => expectStatus(response, 200) ?? expectField(response, 'title', titleOf(ctx)),
    },
  ],
  after: [
    removal('remove-account', 'accessToken', (ctx) => ctx),
    removal('remove-other', 'otherToken', asOther),
  ],
}
