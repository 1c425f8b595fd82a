import type { Context, Journey, Response, Step, StepRequest } from '../journey.ts'
import {
  accountPrefix,
  authorized,
  register,
  expectField,
  expectStatus,
  expectText,
  fieldOf,
} from './account.ts'
/**
 * A permanent account: a limited user cannot delete their account in the same minute, so an account for each
 * run would remain after each run. It owns no data, and its requests are refused, which this journey expects.
 */
const dedicated = {
  email: `${accountPrefix}rate-limit@example.com`,
  password: 'the pass phrase of an account that owns nothing',
} as const

/** The highest limit that a probe can use up. A higher one was raised for a load test and limits no one. */
const highestLimit = 1000

interface Policy {
  quota: number
  windowSeconds: number
}

// `"user";q=100;w=60`, of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
function policyOf(response: Response): Policy | undefined {
  const [, quota, seconds] =
    /^"[^"]+";q=(\d+);w=(\d+)$/.exec(response.headers['ratelimit-policy'] ?? '') ?? []
  return quota === undefined || seconds === undefined
    ? undefined
    : { quota: Number(quota), windowSeconds: Number(seconds) }
}

function expectLimit(response: Response, { quota, windowSeconds }: Policy): string | undefined {
  const header = response.headers['ratelimit'] ?? 'absent'
  const [, left, seconds] = /^"[^"]+";r=(\d+);t=(\d+)$/.exec(header) ?? []
  return Number(left) <= quota && Number(seconds) <= windowSeconds
    ? undefined
    : `RateLimit is ${header.slice(0, 60)}, expected "…";r=…;t=… with r ≤ ${quota} and t ≤ ${windowSeconds}`
}

function expectPolicy(response: Response): string | undefined {
  const policy = policyOf(response)
  if (!policy)
    return (
      `RateLimit-Policy is ${(response.headers['ratelimit-policy'] ?? 'absent').slice(0, 60)}, ` +
      'expected "…";q=…;w=…: rate limiting is bypassed'
    )
  if (policy.quota > highestLimit)
    return (
      `the limit is ${policy.quota} requests in ${policy.windowSeconds} s, expected at most ` +
      `${highestLimit}: was it raised for a load test?`
    )
  return expectLimit(response, policy)
}

function quotaOf(ctx: Context): number {
  return Number(ctx['quota'])
}

/**
 * The rest of this window and all of the next one: a working limit answers no more requests.
 */
function mostAnswers(ctx: Context): number {
  return 2 * quotaOf(ctx)
}

function expectRefusal(response: Response, ctx: Context): string | undefined {
  if (response.status !== 429)
    return (
      `status ${response.status}, expected 429 after ${Number(ctx['polls']) + 1} requests at a limit ` +
      `of ${quotaOf(ctx)}: rate limiting is bypassed`
    )
  const policy = policyOf(response)
  if (policy?.quota !== quotaOf(ctx))
    return (
      'RateLimit-Policy of the refusal is ' +
      `${(response.headers['ratelimit-policy'] ?? 'absent').slice(0, 60)}, expected q=${quotaOf(ctx)} ` +
      'as before'
    )
  const retryAfter = response.headers['retry-after'] ?? 'absent'
  if (!/^\d+$/.test(retryAfter) || Number(retryAfter) < 1 || Number(retryAfter) > policy.windowSeconds)
    return `Retry-After is ${retryAfter.slice(0, 40)}, expected 1 to ${policy.windowSeconds}`
  if (!/;r=0;/.test(response.headers['ratelimit'] ?? ''))
    return (
      `RateLimit of the refusal is ${(response.headers['ratelimit'] ?? 'absent').slice(0, 60)}, ` +
      'expected r=0'
    )
  return expectLimit(response, policy) ?? expectField(response, 'status', 429)
}

const ask = (ctx: Context): StepRequest => ({
  method: 'GET',
  path: '/tasks?limit=1',
  headers: authorized(ctx),
})
const tokenOf = (response: Response): Record<string, unknown> => ({
  accessToken: fieldOf(response, 'accessToken'),
})

const useUp: Step = {
  name: 'use-up',
  until: { everyMs: 0, timeoutMs: 20_000 },
  request: ask,
  status: [200, 429],
  check: (response, ctx) => {
    if (response.status === 429) return undefined
    const answered = Number(ctx['polls']) + 1
    return (
      expectStatus(response, 200) ??
      (answered >= mostAnswers(ctx) ? undefined : `${answered} requests answered, none refused yet`)
    )
  },
}

/** A user who sends too many requests is refused, with the limit and the time of the next request. */
export const rateLimit: Journey = {
  name: 'rate-limit',
  before: [
    {
      name: 'login',
      request: () => ({ method: 'POST', path: '/auth/login', json: dedicated }),
      // The account does not exist before the first run, and is locked after wrong passwords.
      status: [200, 401, 423],
      check: (response) => (response.status === 200 ? expectText(response, 'accessToken') : undefined),
      save: (response) => (response.status === 200 ? tokenOf(response) : { locked: response.status === 423 }),
    },
    {
      name: 'register',
      request: (ctx) => {
        if (ctx['accessToken'] !== undefined) return { method: 'GET', path: '/health' }
        return ctx['locked'] === true
          ? register(ctx)
          : { method: 'POST', path: '/auth/register', json: dedicated }
      },
      // 200 is the health check of a user who was there already.
      status: [200, 201],
      check: (response, ctx) =>
        ctx['accessToken'] === undefined
          ? (expectStatus(response, 201) ?? expectText(response, 'accessToken'))
          : undefined,
      save: (response, ctx) => (ctx['accessToken'] === undefined ? tokenOf(response) : {}),
    },
  ],
  steps: [
    {
      name: 'policy',
      request: ask,
      status: [200, 429],
      check: expectPolicy,
      save: (response) => ({ quota: policyOf(response)?.quota }),
    },
    useUp,
    { name: 'refused', request: ask, status: 429, check: expectRefusal },
  ],
}
