import { Hono } from 'hono'
import { z } from 'zod'
import type { Guards } from '../auth/index.ts'
import {
  answer,
  answerOf,
  decodeFile,
  describeBody,
  describeGroup,
  jsonBody,
  pathWithId,
  Problem,
  query,
  readBody,
} from '../http/index.ts'
import type { App, AppEnv } from '../http/index.ts'
import type { Events, Feature } from '../observability/index.ts'
import { newTask, taskSchema } from '../tasks/index.ts'
import type { ExportService } from './exports.ts'
import { formats, mediaTypes } from './formats.ts'
import type { ImportService } from './imports.ts'

const id = '019b0000-0000-7000-8000-000000000000'
const accepted = z.object({ id: z.uuid(), status: z.enum(['queued', 'running', 'done', 'failed']) })
const exportStatus = accepted.extend({
  format: z.enum(formats),
  rows: z.int(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
})
const importStatus = exportStatus.extend({
  failures: z.array(z.object({ row: z.int(), message: z.string() })),
})
const exampleStatus = {
  id,
  status: 'done',
  format: 'csv',
  rows: 2,
  createdAt: '2027-01-30T18:00:00.000Z',
  finishedAt: '2027-01-30T18:00:01.000Z',
} as const
const exportRequest = z.strictObject({ format: z.enum(formats) }).meta({ examples: [{ format: 'csv' }] })
const csvFile = z.string().meta({
  pattern: '^[^\\u0000]*$',
  examples: ['title,status,tags\nWater the plants,todo,home;garden\nBuy milk,done,\n'],
})
const jsonFile = z
  .array(newTask)
  .max(10_000)
  .meta({ examples: [[{ title: 'Water the plants' }]] })
const exportedTasks = z.array(taskSchema).meta({ examples: [[]] })
const download = z.strictObject({
  bom: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Whether a CSV file begins with a byte order mark, which Excel needs' }),
})
const maxImportBytes = 5 * 1024 * 1024

const describe = describeGroup('Export and import')
const queued = (description: string, ...links: string[]) =>
  answer(description, accepted.meta({ examples: [{ id, status: 'queued' }] }), {
    headers: { Location: 'The path of its status' },
    links,
  })
const requestExport = describe('requestExport', 'Request an export of all tasks', {
  202: queued('The export is queued', 'getExport', 'downloadExport'),
})
const getExport = describe('getExport', 'Get the status of an export', {
  200: answer('The status', exportStatus.meta({ examples: [exampleStatus] })),
})
const downloadExport = describe('downloadExport', 'Download the file of a finished export', {
  200: answerOf(
    'The file',
    { 'application/json': exportedTasks, 'text/csv': csvFile },
    { headers: { 'Content-Disposition': 'The name of the file' } },
  ),
  409: answer('The export is not finished'),
})
const requestImport = describe(
  'requestImport',
  'Import tasks from JSON or CSV, all or none',
  { 202: queued('The import is queued', 'getImport') },
  { requestBody: describeBody({ 'application/json': jsonFile, 'text/csv': csvFile }) },
)
const getImport = describe('getImport', 'Get the status of an import and the problems of its rows', {
  200: answer('The status', importStatus.meta({ examples: [{ ...exampleStatus, failures: [] }] })),
})

export interface TransferRouteDependencies {
  exports: ExportService
  imports: ImportService
  guards: Guards
  events: Events
  noteFeatureUse: (feature: Feature, userId: string) => void
}

/** Exports and imports of the caller's tasks, done by background jobs. */
export function transferRoutes({
  exports,
  imports,
  guards: { signedIn },
  events,
  noteFeatureUse,
}: TransferRouteDependencies): App {
  return new Hono<AppEnv>()
    .post('/exports', requestExport, signedIn, jsonBody(exportRequest, 4096), async (c) => {
      const { scope, principal } = c.var
      const { format } = c.req.valid('json')
      const created = await exports.request(scope, principal, format)
      noteFeatureUse('export', principal.userId)
      events.audit('export.requested', scope, { exportId: created.id, format })
      return c.json(created, 202, { location: `/exports/${created.id}` })
    })
    .get(pathWithId('/exports'), getExport, signedIn, async (c) => {
      const { userId: _, ...row } = await exports.get(c.var.scope, c.var.principal, c.req.param('id'))
      return c.json(row)
    })
    .get(`${pathWithId('/exports')}/download`, downloadExport, signedIn, query(download), async (c) => {
      const { scope, principal } = c.var
      const { id: exportId, status, format } = await exports.get(scope, principal, c.req.param('id'))
      if (status !== 'done') throw new Problem('conflict', { detail: `The export is ${status}` })
      events.audit('export.downloaded', scope, { exportId })
      const hasMark = c.req.valid('query').bom === 'true' && format === 'csv'
      const file = ReadableStream.from(exports.readFile(exportId, hasMark))
      return c.body(file.pipeThrough(new TextEncoderStream()), 200, {
        'content-type': `${mediaTypes[format]}; charset=utf-8`,
        'content-disposition': `attachment; filename="tasks-${exportId}.${format}"`,
      })
    })
    .post('/imports', requestImport, signedIn, async (c) => {
      const { scope, principal } = c.var
      const { type, bytes } = await readBody(c.env.incoming, ['application/json', 'text/csv'], maxImportBytes)
      const format = type === 'text/csv' ? 'csv' : 'json'
      const created = await imports.request(scope, principal, format, decodeFile(bytes))
      noteFeatureUse('import', principal.userId)
      events.audit('import.requested', scope, { importId: created.id, format, bytes: bytes.length })
      return c.json(created, 202, { location: `/imports/${created.id}` })
    })
    .get(pathWithId('/imports'), getImport, signedIn, async (c) => {
      const { userId: _, ...row } = await imports.get(c.var.scope, c.var.principal, c.req.param('id'))
      return c.json(row)
    })
}
