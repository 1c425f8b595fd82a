import { uuidv7 } from '../db/index.ts'
import type { NewTask, Task } from './schemas.ts'
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
