import type { Context, Journey, Response, Step } from '../journey.ts'
import {
  authorized,
  createTask,
  credentials,
  registerStep,
  removeAccountStep,
  taskRequest,
  expectField,
  expectText,
  fieldOf,
} from './account.ts'

/** The context of the other user. */
function asOther(ctx: Context): Context {
  return { ...ctx, unique: `${ctx.unique}-other`, accessToken: ctx['otherToken'] }
}

function titleOf(ctx: Context): string {
  return `Private ${ctx.unique}`
}

// Only 404: a 403 would reveal that the task exists.
function expectUnseen(what: string): Pick<Step, 'status' | 'check'> {
  return {
    status: 404,
    check: ({ status }) =>
      status === 404 ? undefined : `status ${status}, expected 404: another user ${what}`,
  }
}

function expectNotListed(response: Response, ctx: Context): string | undefined {
  const items = fieldOf(response, 'items')
  if (!Array.isArray(items)) return 'items is no array'
  // The account is new, so a listed task belongs to another user.
  return items.length === 0
    ? undefined
    : `${items.length} listed, expected none: another user sees tasks that are not theirs (task ` +
        `${String(ctx['taskId'])} was just made)`
}

/** One user must not read, list, change or delete another user's tasks. */
export const authorization: Journey = {
  name: 'authorization',
  before: [
    registerStep,
    {
      name: 'register-other',
      request: (ctx) => ({ method: 'POST', path: '/auth/register', json: credentials(asOther(ctx)) }),
      status: 201,
      check: (response) => expectText(response, 'accessToken'),
      save: (response) => ({ otherToken: fieldOf(response, 'accessToken') }),
    },
  ],
  steps: [
    {
      name: 'create',
      request: (ctx) => createTask(ctx, { title: titleOf(ctx) }),
      status: 201,
      check: (response) => expectText(response, 'id'),
      save: (response) => ({ taskId: fieldOf(response, 'id') }),
    },
    {
      name: 'other-reads',
      request: (ctx) => taskRequest(asOther(ctx), 'GET'),
      ...expectUnseen('may read it'),
    },
    {
      name: 'other-lists',
      request: (ctx) => ({ method: 'GET', path: '/tasks', headers: authorized(asOther(ctx)) }),
      status: 200,
      check: expectNotListed,
    },
    {
      name: 'other-changes',
      request: (ctx) => taskRequest(asOther(ctx), 'PATCH', { title: 'Changed by another user' }),
      ...expectUnseen('may change it'),
    },
    {
      name: 'other-deletes',
      request: (ctx) => taskRequest(asOther(ctx), 'DELETE'),
      ...expectUnseen('may delete it'),
    },
    {
      name: 'still-there',
      request: (ctx) => taskRequest(ctx, 'GET'),
      status: 200,
      check: (response, ctx) => expectField(response, 'title', titleOf(ctx)),
    },
  ],
  after: [
    removeAccountStep,
    {
      ...removeAccountStep,
      name: 'remove-other',
      request: (ctx) => removeAccountStep.request(asOther(ctx)),
    },
  ],
}
