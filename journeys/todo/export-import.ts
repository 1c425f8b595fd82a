import type { Context, Journey, Response, Step } from '../journey.ts'
import {
  authorized,
  createTask,
  registerStep,
  removeAccountStep,
  expectField,
  expectFields,
  expectText,
  fieldOf,
} from './account.ts'
// Two jobs that never end cause 80 requests, fewer than a user's limit of 100 a minute.
const patience = { everyMs: 100, timeoutMs: 4000 } as const

function titleOf(ctx: Context): string {
  return `Exported ${ctx.unique}`
}

/** Polls the state of a background job until it is done. */
function jobDone(name: string, path: string, id: string, fields: Record<string, unknown>): Step {
  return {
    name,
    until: patience,
    request: (ctx) => ({ method: 'GET', path: `/${path}/${String(ctx[id])}`, headers: authorized(ctx) }),
    status: 200,
    check: (response) => expectFields(response, { status: 'done', ...fields }),
  }
}

function expectListedTwice(response: Response, ctx: Context): string | undefined {
  const items = fieldOf(response, 'items')
  const titles = Array.isArray(items)
    ? items.map((item: unknown) =>
        typeof item === 'object' && item !== null ? Reflect.get(item, 'title') : undefined,
      )
    : []
  const found = titles.filter((title) => title === titleOf(ctx)).length
  return found === 2
    ? undefined
    : `the task is there ${found} times, expected 2: as it was made and as it was imported`
}

/** An export can be imported: two background jobs, from the request to the result. */
export const exportImport: Journey = {
  name: 'export-import',
  before: [registerStep],
  steps: [
    {
      name: 'create',
      request: (ctx) => createTask(ctx, { title: titleOf(ctx), tags: ['vigil', 'a;b'] }),
      status: 201,
    },
    {
      name: 'request-export',
      request: (ctx) => ({
        method: 'POST',
        path: '/exports',
        headers: authorized(ctx),
        json: { format: 'json' },
      }),
      status: 202,
      check: (response) => expectText(response, 'id'),
      save: (response) => ({ exportId: fieldOf(response, 'id') }),
    },
    jobDone('export-done', 'exports', 'exportId', { rows: 1 }),
    {
      name: 'download',
      request: (ctx) => ({
        method: 'GET',
        path: `/exports/${String(ctx['exportId'])}/download`,
        headers: authorized(ctx),
      }),
      status: 200,
      check: (response, ctx) => expectField(response, '0.title', titleOf(ctx)),
      save: (response) => ({ file: response.text }),
    },
    {
      name: 'request-import',
      request: (ctx) => ({
        method: 'POST',
        path: '/imports',
        headers: { ...authorized(ctx), 'content-type': 'application/json' },
        body: String(ctx['file']),
      }),
      status: 202,
      check: (response) => expectText(response, 'id'),
      save: (response) => ({ importId: fieldOf(response, 'id') }),
    },
    jobDone('import-done', 'imports', 'importId', { rows: 1, 'failures.length': 0 }),
    {
      name: 'list',
      request: (ctx) => ({ method: 'GET', path: '/tasks', headers: authorized(ctx) }),
      status: 200,
      check: expectListedTwice,
    },
  ],
  after: [removeAccountStep],
}
