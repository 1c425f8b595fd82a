import { z } from 'zod'
import { uuidv7 } from '../db/index.ts'
import { text } from '../http/index.ts'
import type { TaskRow } from './statements.ts'

/** A complete task from what a caller gave. */
export function newTaskOf(input: NewTask, nowMs: number): Task {
  const now = new Date(nowMs).toISOString()
  return {
    id: uuidv7(nowMs),
    title: input.title,
    description: input.description ?? null,
    status: input.status ?? 'todo',
    priority: input.priority ?? 'medium',
    dueAt: inUtc(input.dueAt ?? null),
    tags: input.tags ?? [],
    createdAt: now,
    updatedAt: now,
  }
}

export function inUtc(instant: string | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

export function taskOf(row: TaskRow): Task {
  const { id, title, description, status, priority, dueAt, tags, createdAt, updatedAt } = row
  return { id, title, description, status, priority, dueAt, tags, createdAt, updatedAt }
}

export function etagOf(version: number): string {
  return `"${version}"`
}

export const statuses = ['todo', 'in_progress', 'done'] as const
export const priorities = ['low', 'medium', 'high'] as const

const earliest = Date.parse('0001-01-01T00:00:00Z')
const latest = Date.parse('9999-12-31T23:59:59.999Z')

const instant = z.iso
  .datetime({ offset: true })
  .refine(
    (value) => Date.parse(value) >= earliest && Date.parse(value) <= latest,
    'expected a time in the years 1 to 9999, UTC',
  )
  .meta({ examples: ['2027-01-31T09:00:00Z'] })

const dueAt = instant.nullable().meta({ description: 'Kept to the millisecond, in UTC' })
const tags = z.array(text(1, 50)).max(20)
const description = text(0, 10_000).nullable()

const written = {
  title: 'Water the plants',
  description: 'The ferns too',
  status: 'todo',
  priority: 'high',
  dueAt: '2027-01-31T09:00:00.000Z',
  tags: ['home'],
} as const

/** What a caller may set. Anything else, such as `id` or `userId`, is refused. */
const settable = z.strictObject({
  title: text(1, 200),
  description: description.optional(),
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  dueAt: dueAt.optional(),
  tags: tags.optional(),
})

export const newTask = settable.meta({ examples: [written] })

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
        ...written,
        createdAt: '2027-01-30T18:00:00.000Z',
        updatedAt: '2027-01-30T18:00:00.000Z',
      },
    ],
  })

export type Task = z.infer<typeof taskSchema>
export type NewTask = z.infer<typeof newTask>
export type TaskPatch = z.infer<typeof taskPatch>

/** A leading `-` sorts downwards. Tasks without `dueAt` come after those with one, downwards before. */
export const sortOrders = [
  'createdAt',
  '-createdAt',
  'updatedAt',
  '-updatedAt',
  'dueAt',
  '-dueAt',
  'priority',
  '-priority',
  'title',
  '-title',
] as const
export type SortOrder = (typeof sortOrders)[number]
export type SortField = 'createdAt' | 'updatedAt' | 'dueAt' | 'priority' | 'title'

const sortFields = [
  'createdAt',
  'updatedAt',
  'dueAt',
  'priority',
  'title',
] as const satisfies readonly SortField[]

export function sortField(sort: SortOrder): SortField {
  return sortFields.find((field) => sort.endsWith(field)) ?? 'createdAt'
}

export const taskQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^(100|[1-9]\d?)$/, 'expected a whole number from 1 to 100')
    .default('20')
    .transform(Number)
    .meta({ type: 'integer', minimum: 1, maximum: 100, default: 20 }),
  cursor: z
    .string()
    .max(2000)
    .regex(/^[A-Za-z0-9_-]+$/, 'expected the nextCursor of an earlier page')
    .optional()
    .meta({ description: 'The `nextCursor` of the page before, with the same other parameters' }),
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  q: text(1, 200).optional().meta({ description: 'Text that the title or the description has, in any case' }),
  sort: z.enum(sortOrders).default('-createdAt'),
})

export type TaskQuery = z.infer<typeof taskQuery>

export const taskPage = z.object({
  items: z.array(taskSchema),
  nextCursor: z
    .string()
    .nullable()
    .meta({ description: 'For the next page; null on the last', examples: [null] }),
})

export const taskParams = z.object({ id: z.uuid() })
