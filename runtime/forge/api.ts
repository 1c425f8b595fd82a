import { setTimeout as sleep } from 'node:timers/promises'
import { explainFetchError, readBounded, userAgentFor } from '../../journeys/client/index.ts'
import { toOneLine } from '../../record/index.ts'

/** The REST API of a code host, and how long all of a publication may take. */
export interface ApiOptions {
  /** Without a slash at its end. */
  url: string
  headers: Readonly<Record<string, string>>
  /** Removed from every reason. */
  token: string
  signal: AbortSignal
  limits?: ApiLimits
}

export interface ApiLimits {
  /** For all requests and the pauses between them. */
  totalMs: number
  /** For one attempt. */
  attemptMs: number
  /** Before each further attempt, if the host names no time. */
  pausesMs: readonly number[]
}

/** A rate limit of GitHub's usually ends within a minute. */
const defaultApiLimits: ApiLimits = { totalMs: 90_000, attemptMs: 10_000, pausesMs: [300, 1500] }

/**
 * `isPassing`: the host could not be reached, or said that it is busy. `wasSent`: it may have done what was
 * asked nevertheless.
 */
export interface ApiFailure {
  state: 'failed'
  reason: string
  status?: number
  isPassing: boolean
  wasSent: boolean
}

export type ApiResult = { state: 'ok'; body: unknown; headers: Headers } | ApiFailure

/** Requests of a code host's API. */
export interface Api {
  /** `path` begins with a slash. Never throws; a request that would be done twice is not repeated. */
  request: (
    method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
  ) => Promise<ApiResult>
  /** Every item of a list, page by page. */
  list: (path: string) => Promise<{ state: 'ok'; items: unknown[] } | ApiFailure>
}

export function createApi(options: ApiOptions): Api {
  const { limits = defaultApiLimits, signal } = options
  const deadlineMs = performance.now() + limits.totalMs
  const request: Api['request'] = async (method, path, body) => {
    for (let attempt = 0; ; attempt += 1) {
      const leftMs = deadlineMs - performance.now()
      const answer = await attemptRequest(options, { method, path, body }, Math.min(limits.attemptMs, leftMs))
      if (answer.state === 'ok') return answer
      const pauseMs = answer.waitMs ?? limits.pausesMs[attempt]
      const mayRepeat = !answer.wasSent || method !== 'POST'
      const fits = pauseMs !== undefined && performance.now() + pauseMs < deadlineMs
      if (!answer.isPassing || !mayRepeat || !fits || signal.aborted || attempt >= maxRepeats) return answer
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }
  return { request, list: async (path) => listPages(request, path) }
}

const maxRepeats = 4
const maxPages = 200
const pagesTogether = 5

type RequestApi = Api['request']

/** The first page says how many there are; the others are read a few at the same time. */
async function listPages(
  request: RequestApi,
  path: string,
): Promise<{ state: 'ok'; items: unknown[] } | ApiFailure> {
  const read = async (page: number): Promise<ApiResult> =>
    request('GET', `${path}${path.includes('?') ? '&' : '?'}per_page=100&page=${page}`)
  const first = await read(1)
  if (first.state === 'failed') return first
  const pages = [first]
  // A host that counts names its last page; another one names the next as long as there is one.
  const last = findLastPage(first.headers)
  while (pages.length < maxPages && hasNextPage(pages.at(-1)?.headers)) {
    const from = pages.length + 1
    const to = last === undefined ? from : Math.min(last, from + pagesTogether - 1, maxPages)
    const more = await Promise.all(
      Array.from({ length: Math.max(to - from + 1, 1) }, async (_, index) => read(from + index)),
    )
    for (const page of more) {
      if (page.state === 'failed') return page
      pages.push(page)
    }
  }
  return { state: 'ok', items: pages.flatMap(({ body }) => (Array.isArray(body) ? (body as unknown[]) : [])) }
}

function hasNextPage(headers: Headers | undefined): boolean {
  return /rel="next"/.test(headers?.get('link') ?? '')
}

function findLastPage(headers: Headers): number | undefined {
  const page = /<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="last"/.exec(headers.get('link') ?? '')?.[1]
  return page === undefined ? undefined : Number(page)
}

interface ApiRequest {
  method: string
  path: string
  body: unknown
}

type Attempt = Exclude<ApiResult, ApiFailure> | (ApiFailure & { waitMs?: number })

async function attemptRequest(
  { url, headers, token, signal }: ApiOptions,
  { method, path, body }: ApiRequest,
  timeoutMs: number,
): Promise<Attempt> {
  const place = `${method} ${path.split('?')[0] ?? ''}`
  const failure = (
    why: string,
    rest: Omit<ApiFailure, 'state' | 'reason'> & { waitMs?: number },
  ): Attempt => ({
    state: 'failed',
    reason: toOneLine(`${place}: ${token === '' ? why : why.replaceAll(token, '[redacted]')}`, 300),
    ...rest,
  })
  if (timeoutMs <= 0) return failure('no time is left', { isPassing: true, wasSent: false })
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        'user-agent': userAgentFor('publish'),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect would send the token, or drop the body.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    const text = await readBounded(response, maxAnswerBytes, 'answered with more than 32 MiB')
    const { status } = response
    if (status >= 200 && status < 300)
      return {
        state: 'ok',
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
        headers: response.headers,
      }
    const waitMs = findWaitMs(response)
    return failure(`answered ${status}${explainAnswer(text)}`, {
      status,
      isPassing: status >= 500 || waitMs !== undefined,
      // A limit is checked before anything is done.
      wasSent: waitMs === undefined,
      ...(waitMs !== undefined && { waitMs }),
    })
  } catch (error) {
    return failure(explainError(error), { isPassing: true, wasSent: !isRefused(error) })
  }
}

/** How long the host asks to wait; undefined: its answer is no rate limit. */
function findWaitMs({ status, headers }: Response): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN)
  if (headers.get('x-ratelimit-remaining') === '0' && Number.isFinite(reset))
    return Math.max(0, reset * 1000 - Date.now())
  return status === 429 ? defaultWaitMs : undefined
}

const defaultWaitMs = 2000

/** The message of an error, which GitHub and GitLab give as JSON. */
function explainAnswer(text: string): string {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null || !('message' in body)) return ''
    return `: ${typeof body.message === 'string' ? body.message : JSON.stringify(body.message)}`
  } catch {
    return ''
  }
}

function explainError(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  return explainFetchError(error)
}

/** Nothing listened: no one received the request. */
function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const codes = cause instanceof AggregateError ? cause.errors : [cause]
  return codes.every(
    (one) =>
      one instanceof Error && 'code' in one && ['ECONNREFUSED', 'ENOTFOUND'].includes(String(one.code)),
  )
}

/** A page of a hundred long comments is below this. */
const maxAnswerBytes = 32 * 2 ** 20
