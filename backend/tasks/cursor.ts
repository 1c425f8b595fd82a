import { z } from 'zod'
import { Problem } from '../http/index.ts'
import { priorities, sortField, sortOrders } from './schemas.ts'
import type { SortOrder } from './schemas.ts'

/** Where a page ended: the value it was sorted by and the id, which breaks ties. */
export interface Position {
  value: string
  id: string
}

const encoded = z.tuple([z.enum(sortOrders), z.string().max(1000), z.uuid()])

export function encodeCursor(sort: SortOrder, { value, id }: Position): string {
  return Buffer.from(JSON.stringify([sort, value, id])).toString('base64url')
}

/** The position in `cursor`. Throws a `Problem` for one that we did not make, or made for another order. */
export function decodeCursor(cursor: string, sort: SortOrder): Position {
  const result = encoded.safeParse(parsed(cursor))
  if (!result.success) throw refusal('expected the nextCursor of an earlier page')
  const [madeFor, value, id] = result.data
  if (madeFor !== sort) throw refusal(`made for sort=${madeFor}, expected one for sort=${sort}`)
  if (!fits(sort, value)) throw refusal('expected the nextCursor of an earlier page')
  return { value, id }
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
  } catch {
    return undefined
  }
}

// The value goes into a cast in the query: what PostgreSQL would refuse is refused here.
function fits(sort: SortOrder, value: string): boolean {
  const by = sortField(sort)
  if (by === 'title') return !value.includes('\0') && value.isWellFormed()
  if (by === 'priority') return priorities.some((priority) => priority === value)
  return (
    (by === 'dueAt' && value === 'infinity') ||
    (z.iso.datetime().safeParse(value).success && !value.startsWith('0000'))
  )
}

function refusal(message: string): Problem {
  return new Problem('invalid', {
    detail: 'The query is not as described',
    errors: [{ at: 'query.cursor', message }],
  })
}
