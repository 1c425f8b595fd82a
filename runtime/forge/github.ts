import { z } from 'zod'
import type { Api, ApiFailure, ApiResult } from './api.ts'
import type { CommentStore } from './comments.ts'

/** A check of a commit, as GitHub takes it. */
export interface CheckReport {
  name: string
  headSha: string
  /** The run of the workflow: the same in all of its steps. */
  externalId: string
  detailsUrl: string
  result?: CheckOutcome
}

export interface CheckOutcome {
  conclusion: 'success' | 'failure' | 'neutral' | 'cancelled'
  title: string
  /** Markdown. */
  summary: string
  annotations: readonly CheckAnnotation[]
}

interface CheckAnnotation {
  path: string
  line: number
  level: 'failure' | 'warning'
  title: string
  message: string
}

const created = z.looseObject({ id: z.int() })
const checkRuns = z.looseObject({
  check_runs: z.array(z.looseObject({ id: z.int(), external_id: z.string().nullable() })),
})

/**
 * Creates a check, or updates the one of this run of the workflow. A check that a failed request may have
 * created is looked up before another is.
 *
 * @param id of the check that was created before the measurement
 */
export async function putCheck(
  api: Api,
  repository: string,
  report: CheckReport,
  id?: number,
): Promise<{ state: 'ok'; id: number } | ApiFailure> {
  const path = `/repos/${repository}/check-runs`
  const body = toCheckBody(report)
  if (id !== undefined) return toId(await api.request('PATCH', `${path}/${id}`, body))
  const first = await api.request('POST', path, { ...body, head_sha: report.headSha })
  if (first.state === 'ok' || !first.isPassing || !first.wasSent) return toId(first)
  const query = `check_name=${encodeURIComponent(report.name)}&per_page=100`
  const found = await api.request('GET', `/repos/${repository}/commits/${report.headSha}/check-runs?${query}`)
  if (found.state === 'failed') return found
  const parsed = checkRuns.safeParse(found.body)
  const known = parsed.data?.check_runs.find((one) => one.external_id === report.externalId)
  if (known !== undefined) return toId(await api.request('PATCH', `${path}/${known.id}`, body))
  return toId(await api.request('POST', path, { ...body, head_sha: report.headSha }))
}

function toId(answer: ApiResult): { state: 'ok'; id: number } | ApiFailure {
  if (answer.state === 'failed') return answer
  const parsed = created.safeParse(answer.body)
  return parsed.success ? { state: 'ok', id: parsed.data.id } : unexpected('a check')
}

function toCheckBody({ name, externalId, detailsUrl, result }: CheckReport): Record<string, unknown> {
  const fields = { name, external_id: externalId, details_url: detailsUrl }
  if (result === undefined) return { ...fields, status: 'in_progress' }
  const { conclusion, title, summary, annotations } = result
  return {
    ...fields,
    status: 'completed',
    conclusion,
    output: {
      title,
      summary,
      annotations: annotations.map((one) => ({
        path: one.path,
        start_line: one.line,
        end_line: one.line,
        annotation_level: one.level,
        title: one.title,
        message: one.message,
      })),
    },
  }
}

const comment = z.looseObject({
  id: z.int(),
  body: z.string().default(''),
  author_association: z.string().default('NONE'),
  user: z.looseObject({ type: z.string() }).nullable(),
})

/** People who may publish; anyone else could only imitate the mark of a comment. */
const writers = new Set(['OWNER', 'MEMBER', 'COLLABORATOR'])

/** The comments of a pull request. */
export function gitHubComments(api: Api, repository: string, pullRequest: number): CommentStore {
  const issues = `/repos/${repository}/issues`
  return {
    list: async () => {
      const listed = await api.list(`${issues}/${pullRequest}/comments`)
      if (listed.state === 'failed') return listed
      const parsed = z.array(comment).safeParse(listed.items)
      if (!parsed.success) return unexpected('comments')
      const comments = parsed.data.filter(
        ({ user, author_association: role }) => user?.type === 'Bot' || writers.has(role),
      )
      return { state: 'ok', comments }
    },
    create: async (body) => api.request('POST', `${issues}/${pullRequest}/comments`, { body }),
    update: async (id, body) => api.request('PATCH', `${issues}/comments/${id}`, { body }),
    remove: async (id) => ignoreMissing(await api.request('DELETE', `${issues}/comments/${id}`)),
  }
}

/** What another job has removed already is removed. */
export function ignoreMissing(answer: ApiResult): { state: 'ok' } | ApiFailure {
  return answer.state === 'failed' && answer.status === 404 ? { state: 'ok' } : answer
}

const pullRequestSchema = z.looseObject({
  state: z.string(),
  head: z.looseObject({ sha: z.string(), repo: z.looseObject({ full_name: z.string() }).nullable() }),
})

/** The head of a pull request, and whether it is open. */
export async function readPullRequest(
  api: Api,
  repository: string,
  number: number,
): Promise<
  { state: 'ok'; headSha: string; headRepository: string | undefined; isOpen: boolean } | ApiFailure
> {
  const answer = await api.request('GET', `/repos/${repository}/pulls/${number}`)
  if (answer.state === 'failed') return answer
  const parsed = pullRequestSchema.safeParse(answer.body)
  if (!parsed.success) return unexpected('a pull request')
  const { head, state } = parsed.data
  return { state: 'ok', headSha: head.sha, headRepository: head.repo?.full_name, isOpen: state === 'open' }
}

export function unexpected(what: string): ApiFailure {
  return {
    state: 'failed',
    reason: `answered with something else than ${what}`,
    isPassing: false,
    wasSent: true,
  }
}
