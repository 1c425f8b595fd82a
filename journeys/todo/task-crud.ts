import type { Context, Journey, Response } from '../journey.ts'
import {
  authorized,
  createTask,
  registerStep,
  removeAccountStep,
  taskRequest,
  expectFields,
  expectText,
  fieldOf,
} from './account.ts'

function titleOf(ctx: Context): string {
  return `Task ${ctx.unique}`
}

// The newest tasks come first, so this task is on the first page, unless the account creates hundreds in
// parallel.
function expectListed(response: Response, ctx: Context): string | undefined {
  const items = fieldOf(response, 'items')
  if (!Array.isArray(items)) return 'items is no array'
  return items.some(
    (item: unknown) => typeof item === 'object' && item !== null && Reflect.get(item, 'id') === ctx['taskId'],
  )
    ? undefined
    : `the task just made is not among the ${items.length} listed`
}

/** The life of a task, from creation to deletion, with one account for each virtual user. */
export const taskCrud: Journey = {
  name: 'task-crud',
  before: [registerStep],
  steps: [
    {
      name: 'create',
      request: (ctx) => createTask(ctx, { title: titleOf(ctx), priority: 'high', tags: ['vigil'] }),
      status: 201,
      check: (response, ctx) =>
        expectFields(response, { title: titleOf(ctx), status: 'todo', priority: 'high' }) ??
        expectText(response, 'id'),
      save: (response) => ({ taskId: fieldOf(response, 'id') }),
    },
    {
      name: 'read',
      request: (ctx) => taskRequest(ctx, 'GET'),
      status: 200,
      check: (response, ctx) => expectFields(response, { id: ctx['taskId'], title: titleOf(ctx) }),
    },
    {
      name: 'list',
      request: (ctx) => ({ method: 'GET', path: '/tasks?limit=20', headers: authorized(ctx) }),
      status: 200,
      check: expectListed,
    },
    {
      name: 'update',
      request: (ctx) => taskRequest(ctx, 'PATCH', { description: 'Changed by vigil', status: 'in_progress' }),
      status: 200,
      check: (response) => expectFields(response, { description: 'Changed by vigil', status: 'in_progress' }),
    },
    {
      name: 'complete',
      request: (ctx) => taskRequest(ctx, 'PATCH', { status: 'done' }),
      status: 200,
      check: (response) => expectFields(response, { status: 'done' }),
    },
    {
      name: 'delete',
      request: (ctx) => taskRequest(ctx, 'DELETE'),
      status: 204,
    },
  ],
  after: [removeAccountStep],
}
