import { z } from 'zod'
import { decodeFile, defineEndpoint, Problem } from '../http/index.ts'
import type { Endpoint, Reply } from '../http/index.ts'
import type { Events, Feature } from '../observability/index.ts'
import { newTask, taskSchema } from '../tasks/index.ts'
import type { ExportService } from './exports.ts'
import { formats, mediaTypes } from './formats.ts'
import type { ImportService } from './imports.ts'

const status = z.enum(['queued', 'running', 'done', 'failed'])
const accepted = z.object({ id: z.uuid(), status })
const params = z.object({ id: z.uuid() })
const exportSchema = accepted.extend({
  format: z.enum(formats),
  rows: z.int(),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
})
const importSchema = exportSchema.extend({
  failures: z.array(z.object({ row: z.int(), message: z.string() })),
})
const csvFile = z
  .string()
  .meta({ examples: ['title,status,tags\nWater the plants,todo,home;garden\nBuy milk,done,\n'] })
const queued = { schema: accepted, headers: { Location: 'The path of its status' } }
const maxImportBytes = 5 * 1024 * 1024

export interface TransferRouteDependencies {
  exports: ExportService
  imports: ImportService
  events: Events
  noteFeatureUse: (feature: Feature, userId: string) => void
}

const shared = { tag: 'Export and import', access: 'user', limit: 'user' } as const

/** Exports and imports of the caller's tasks, done by background jobs. */
export function buildTransferEndpoints(dependencies: TransferRouteDependencies): Endpoint[] {
  return [
    buildExportRequest(dependencies),
    buildStatus(dependencies.exports, {
      path: '/exports/:id',
      id: 'getExport',
      summary: 'Get the status of an export',
      schema: exportSchema,
    }),
    buildExportDownload(dependencies),
    buildImportRequest(dependencies),
    buildStatus(dependencies.imports, {
      path: '/imports/:id',
      id: 'getImport',
      summary: 'Get the status of an import and the problems of its rows',
      schema: importSchema,
    }),
  ]
}

function buildExportRequest({
  exports: service,
  events,
  noteFeatureUse,
}: TransferRouteDependencies): Endpoint {
  return defineEndpoint({
    ...shared,
    method: 'POST',
    path: '/exports',
    id: 'requestExport',
    summary: 'Request an export of all tasks',
    body: { schema: z.strictObject({ format: z.enum(formats) }), maxBytes: 4096 },
    answers: {
      202: { ...queued, description: 'The export is queued', links: ['getExport', 'downloadExport'] },
    },
    handle: async ({ scope, principal, body }) => {
      const created = await service.request(scope, principal, body.format)
      noteFeatureUse('export', principal.userId)
      events.audit('export.requested', scope, { exportId: created.id, format: body.format })
      return { status: 202, json: created, headers: { location: `/exports/${created.id}` } }
    },
  })
}

interface StatusEndpoint {
  path: string
  id: string
  summary: string
  schema: z.ZodType
}

/** The status of a job of the caller. */
function buildStatus(
  service: Pick<ExportService | ImportService, 'get'>,
  { schema, ...named }: StatusEndpoint,
): Endpoint {
  return defineEndpoint({
    ...shared,
    ...named,
    method: 'GET',
    params,
    answers: { 200: { description: 'The status', schema } },
    handle: async ({ scope, principal, params: { id } }) => {
      const { userId: _userId, ...row } = await service.get(scope, principal, id)
      return { status: 200, json: row }
    },
  })
}

function buildExportDownload({ exports: service, events }: TransferRouteDependencies): Endpoint {
  return defineEndpoint({
    ...shared,
    method: 'GET',
    path: '/exports/:id/download',
    id: 'downloadExport',
    summary: 'Download the file of a finished export',
    params,
    answers: {
      200: {
        description: 'The file',
        content: { 'application/json': z.array(taskSchema), 'text/csv': csvFile },
        headers: { 'Content-Disposition': 'The name of the file' },
      },
      409: { description: 'The export is not finished' },
    },
    handle: async ({ scope, principal, params: { id } }): Promise<Reply> => {
      const row = await service.get(scope, principal, id)
      if (row.status !== 'done') throw new Problem('conflict', { detail: `The export is ${row.status}` })
      events.audit('export.downloaded', scope, { exportId: id })
      const type = mediaTypes[row.format === 'csv' ? 'csv' : 'json']
      return {
        status: 200,
        body: service.readFile(id),
        headers: {
          'content-type': `${type}; charset=utf-8`,
          'content-disposition': `attachment; filename="tasks-${id}.${row.format}"`,
        },
      }
    },
  })
}

function buildImportRequest({
  imports: service,
  events,
  noteFeatureUse,
}: TransferRouteDependencies): Endpoint {
  return defineEndpoint({
    ...shared,
    method: 'POST',
    path: '/imports',
    id: 'requestImport',
    summary: 'Import tasks from JSON or CSV, all or none',
    rawBody: {
      mediaTypes: {
        'application/json': z.array(newTask).max(10_000),
        'text/csv': csvFile.meta({ pattern: '^[^\\u0000]*$' }),
      },
      maxBytes: maxImportBytes,
    },
    answers: { 202: { ...queued, description: 'The import is queued', links: ['getImport'] } },
    handle: async ({ scope, principal, bytes, mediaType }) => {
      const format = mediaType === 'text/csv' ? 'csv' : 'json'
      const created = await service.request(scope, principal, format, decodeFile(bytes))
      noteFeatureUse('import', principal.userId)
      events.audit('import.requested', scope, { importId: created.id, format, bytes: bytes.length })
      return { status: 202, json: created, headers: { location: `/imports/${created.id}` } }
    },
  })
}
