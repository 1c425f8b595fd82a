import { createHash } from 'node:crypto'
import { and, eq, sql } from '../db/drizzle.ts'
import { schema, statement } from '../db/index.ts'
import type { Transaction } from '../db/index.ts'
import { Problem } from '../http/index.ts'

const { idempotencyKeys } = schema
const p = sql.placeholder

const claimKey = statement<{ key: string }>('idempotency_keys.claim', (db) =>
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

const readKey = statement<{ requestHash: string; answer: string }>('idempotency_keys.read', (db) =>
  db
    .select({ requestHash: idempotencyKeys.requestHash, answer: idempotencyKeys.answer })
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.userId, p('userId')), eq(idempotencyKeys.key, p('key'))))
    .prepare('idempotency_keys_read'),
)

/** The key of a request; `undefined` without one. Throws a `Problem` for one that is not 1 to 255 printable characters. */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header
  throw new Problem('invalid', {
    detail: 'Idempotency-Key is not as described',
    errors: [
      {
        at: 'header.idempotency-key',
        message: 'expected 1 to 255 printable ASCII characters without spaces',
      },
    ],
  })
}

/**
 * Claims `key` for an answer that is about to be given, inside the transaction that does the work. Gives the earlier
 * answer when the same request was answered before, waiting for one that is under way; `undefined` when this one is
 * the first. Throws `conflict` when the key was used for another request.
 */
export async function earlierAnswer(
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
