import { createHash } from 'node:crypto'
import { and, eq, sql } from '../db/drizzle.ts'
import { schema, defineStatement } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'

const { idempotencyKeys } = schema
const p = sql.placeholder

const claimKey = defineStatement<{ key: string }>('idempotency_keys.claim', (db) =>
  db
    .insert(idempotencyKeys)
    .values({
      userId: p('userId'),
      key: p('key'),
      requestHash: p('requestHash'),
      answer: p('answer'),
      createdAt: p('now'),
    })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key })
    .prepare('idempotency_keys_claim'),
)

const readKey = defineStatement<{ requestHash: string; answer: string }>('idempotency_keys.read', (db) =>
  db
    .select({ requestHash: idempotencyKeys.requestHash, answer: idempotencyKeys.answer })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, p('userId')), eq(idempotencyKeys.key, p('key'))))
    .prepare('idempotency_keys_read'),
)

/**
 * Returns the key of a request, or `undefined` without one. Throws a `Problem` unless it has 1 to 255
 * printable characters.
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  throw new Problem('invalid', {
    detail: 'Idempotency-Key does not match its description',
    errors: [
      {
        at: 'header.idempotency-key',
        message: 'expected 1 to 255 printable ASCII characters without spaces',
      },
    ],
  })
}

/**
 * Claims `key` for `answer`, inside the transaction that does the work. Returns the earlier answer if the
 * same request was answered before, and waits for one in progress; returns `undefined` for the first request.
 * Throws `conflict` if the key was used for another request.
 */
export async function claimIdempotencyKey(
  tx: Transaction,
  userId: string,
  key: string,
  request: unknown,
  answer: string,
  now: string,
): Promise<string | undefined> {
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('base64url')
  const claimed = await tx.run(claimKey, { userId, key, requestHash, answer, now })
  if (claimed.length > 0) return undefined
  const [earlier] = await tx.run(readKey, { userId, key })
  if (earlier?.requestHash === requestHash) return earlier.answer
  throw new Problem('conflict', { detail: 'This Idempotency-Key was used for another request' })
}
