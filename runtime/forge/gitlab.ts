import { z } from 'zod'
import type { Api } from './api.ts'
import type { CommentStore } from './comments.ts'
import { ignoreMissing, unexpected } from './github.ts'

const note = z.looseObject({
  id: z.int(),
  body: z.string(),
  system: z.boolean(),
  author: z.looseObject({ id: z.int() }),
})
const userSchema = z.looseObject({ id: z.int() })

/** The notes of a merge request that the token's own user wrote. */
export function gitLabNotes(api: Api, project: string, mergeRequest: number): CommentStore {
  const path = `/projects/${encodeURIComponent(project)}/merge_requests/${mergeRequest}/notes`
  return {
    list: async () => {
      const [user, listed] = [await api.request('GET', '/user'), await api.list(`${path}?sort=asc`)]
      if (user.state === 'failed') return user
      if (listed.state === 'failed') return listed
      const [self, notes] = [userSchema.safeParse(user.body), z.array(note).safeParse(listed.items)]
      if (!self.success || !notes.success) return unexpected('notes and their authors')
      const comments = notes.data.filter(({ system, author }) => !system && author.id === self.data.id)
      return { state: 'ok', comments }
    },
    create: async (body) => api.request('POST', path, { body }),
    update: async (id, body) => api.request('PUT', `${path}/${id}`, { body }),
    remove: async (id) => ignoreMissing(await api.request('DELETE', `${path}/${id}`)),
  }
}
