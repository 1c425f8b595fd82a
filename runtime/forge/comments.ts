import type { ApiFailure } from './api.ts'

/** A comment of a pull request, or a note of a merge request. */
export interface Comment {
  id: number
  body: string
}

type Done = { state: 'ok' } | ApiFailure

/** The comments of one pull request. */
export interface CommentStore {
  /** All pages, oldest first, without those of people who could not have published. */
  list: () => Promise<{ state: 'ok'; comments: Comment[] } | ApiFailure>
  create: (body: string) => Promise<Done>
  update: (id: number, body: string) => Promise<Done>
  /** One that is gone already is fine. */
  remove: (id: number) => Promise<Done>
}

export interface CommentRequest {
  isOurs: (body: string) => boolean
  /** The body to write; undefined: nothing is written. */
  compose: (last: string | undefined) => string | undefined
}

const maxAttempts = 3

/**
 * Writes the one comment of a check: updates it, or creates it if there is none. Of several, which two jobs
 * at the same time leave, the oldest stays.
 */
export async function putComment(
  store: CommentStore,
  { isOurs, compose }: CommentRequest,
): Promise<{ state: 'ok'; action: 'created' | 'updated' | 'kept' } | ApiFailure> {
  const findOurs = async (): Promise<Awaited<ReturnType<CommentStore['list']>>> => {
    const listed = await store.list()
    if (listed.state === 'failed') return listed
    const comments = listed.comments.filter(({ body }) => isOurs(body)).toSorted((a, b) => a.id - b.id)
    return { state: 'ok', comments }
  }
  let failure: ApiFailure | undefined
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const before = await findOurs()
    if (before.state === 'failed') return before
    const [first, ...others] = before.comments
    const body = compose(first?.body)
    if (body === undefined) return { state: 'ok', action: 'kept' }
    if (first !== undefined) {
      const done = await keepOne(store, first.id, others, body)
      return done.state === 'failed' ? done : { state: 'ok', action: 'updated' }
    }
    const created = await store.create(body)
    if (created.state === 'ok') {
      const after = await findOurs()
      if (after.state === 'failed') return after
      const [oldest, ...more] = after.comments
      const done =
        oldest === undefined || more.length === 0 ? created : await keepOne(store, oldest.id, more, body)
      return done.state === 'failed' ? done : { state: 'ok', action: 'created' }
    }
    failure = created
    // The host may have created it before it failed: looked up again before another attempt.
    if (!created.isPassing) break
  }
  return failure ?? { state: 'failed', reason: 'no attempt', isPassing: false, wasSent: false }
}

async function keepOne(
  store: CommentStore,
  id: number,
  others: readonly Comment[],
  body: string,
): Promise<Done> {
  for (const other of others) {
    const removed = await store.remove(other.id)
    if (removed.state === 'failed') return removed
  }
  return store.update(id, body)
}
