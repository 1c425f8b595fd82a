import { z } from 'zod'
import { textSchema } from '../http/index.ts'

/** Builds a complete task from a caller's input, but for its id, which PostgreSQL generates. */
export function buildTask(input: NewTask, nowMs: number): Omit<Task, 'id'> {
  const now = new Date(nowMs).toISOString()
  return { ...input, createdAt: now, updatedAt: now }
}

export function formatEtag(version: number): string {
  return `"${version}"`
}

export const statuses = ['todo', 'in_progress', 'done'] as const
export const priorities = ['low', 'medium', 'high'] as const

/** A time in the years 1 to 9999, in UTC: other years have a sign, or are 0. */
const instant = z.iso
  .datetime({ offset: true })
  .meta({ examples: ['2027-01-31T09:00:00Z'] })
  .transform((value) => new Date(value).toISOString())
  .refine((utc) => /^(?!0000)\d{4}-/.test(utc), 'expected a time in the years 1 to 9999, UTC')

const exampleTask = {
  title: 'Water the plants',
  description: 'The ferns too',
  status: 'todo',
  priority: 'high',
  dueAt: '2027-01-31T09:00:00.000Z',
  tags: ['home'],
} as const

/** The fields that a caller may set. Others, such as `id` or `userId`, are refused. */
const settable = z.strictObject({
  title: textSchema(1, 200),
  description: textSchema(0, 10_000).nullable(),
  status: z.enum(statuses),
  priority: z.enum(priorities),
  dueAt: instant.nullable().meta({ description: 'Stored with milliseconds, in UTC' }),
  tags: z.array(textSchema(1, 50)).max(20),
})
const { description, status, priority, dueAt, tags } = settable.shape

export const newTask = settable
  .extend({
    description: description.default(null),
    status: status.default('todo'),
    priority: priority.default('medium'),
    dueAt: dueAt.default(null),
    tags: tags.default([]),
  })
  .meta({ examples: [exampleTask] })

export const taskPatch = settable.partial().meta({ examples: [{ status: 'done' }] })

export const taskSchema = z
  .object({
    id: z.uuid(),
    title: z.string(),
    description: z.string().nullable(),
    status: z.enum(statuses),
    priority: z.enum(priorities),
    dueAt: z.iso.datetime().nullable(),
    tags: z.array(z.string()),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    examples: [
      {
        id: '019b0000-0000-7000-8000-000000000000',
        ...exampleTask,
        createdAt: '2027-01-30T18:00:00.000Z',
        updatedAt: '2027-01-30T18:00:00.000Z',
      },
    ],
  })

export type Task = z.infer<typeof taskSchema>
export type NewTask = z.infer<typeof newTask>
export type TaskPatch = z.infer<typeof taskPatch>

const sortFields = ['createdAt', 'updatedAt', 'dueAt', 'priority', 'title'] as const
export type SortField = (typeof sortFields)[number]

/** A leading `-` sorts in descending order. Tasks without `dueAt` sort after those with one. */
export const sortOrders = sortFields.flatMap((field) => [field, `-${field}`] as const)
export type SortOrder = (typeof sortOrders)[number]

export function toSortField(sort: SortOrder): SortField {
  return sortFields.find((field) => sort.endsWith(field)) ?? 'createdAt'
}

export const taskQuery = z.strictObject({
  // Not `z.coerce`, which also reads `1e1` and `0x10`.
  limit: z
    .preprocess(
      (text) => (/^(0|[1-9]\d*)$/.test(String(text)) ? Number(text) : text),
      z.int().min(1).max(100),
    )
    .default(20)
    .meta({ default: 20 }),
  cursor: z
    .string()
    .max(2000)
    .regex(/^[A-Za-z0-9_-]+$/, 'expected the nextCursor of an earlier page')
    .optional()
    .meta({ description: 'The `nextCursor` of the previous page, with the same other parameters' }),
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  q: textSchema(1, 200)
    .optional()
    .meta({ description: 'Text in the title or description; case does not matter' }),
  sort: z.enum(sortOrders).default('-createdAt'),
})

export type TaskQuery = z.infer<typeof taskQuery>

export const taskPage = z
  .object({
    items: z.array(taskSchema),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'The cursor of the next page; null on the last page' }),
  })
  .meta({ examples: [{ items: [], nextCursor: null }] })
