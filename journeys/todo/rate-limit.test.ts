import { describe, expect, it } from 'vitest'
import { playPolling } from '../../synthetics/play.ts'
import type { Response } from '../journey.ts'
import { startContext } from '../index.ts'
import { rateLimit } from './rate-limit.ts'

/** Answers to the requests of the steps, by how many were answered with 200 before. */
type Service = (answered: number) => Partial<Response>

async function playRateLimit(service: Service): Promise<string | undefined> {
  let answered = 0
  const { steps } = await playPolling(
    rateLimit.steps,
    startContext('test', 0, 0),
    async () => {
      const response = { status: 200, headers: {}, text: '', ...service(answered) }
      if (response.status === 200) answered += 1
      return {
        state: 'ok',
        response: { ...response, json: { status: response.status } },
        durationMs: 1,
      }
    },
    new AbortController().signal,
  )
  const failed = steps.find(({ ok }) => !ok)
  return failed && `${failed.step}: ${failed.message}`
}

const quota = 5
const policy = { 'ratelimit-policy': `"user";q=${quota};w=60` }
const granted = (left: number): Partial<Response> => ({
  headers: { ...policy, ratelimit: `"user";r=${Math.max(0, left)};t=30` },
})
const refused = (more: Record<string, string> = {}): Partial<Response> => ({
  status: 429,
  headers: { ...policy, ratelimit: '"user";r=0;t=30', 'retry-after': '30', ...more },
})
const limited =
  (refusal: Partial<Response>): Service =>
  (answered) =>
    answered < quota ? granted(quota - answered - 1) : refusal

describe('a rate limit', () => {
  it('is as expected when it refuses at its limit and says for how long', async () => {
    expect(await playRateLimit(limited(refused()))).toBeUndefined()
  })

  it('is as expected when the window was used up before', async () => {
    expect(await playRateLimit(() => refused())).toBeUndefined()
  })

  const broken: [what: string, service: Service, says: string][] = [
    [
      'states no limit',
      () => ({}),
      'policy: RateLimit-Policy is absent, expected "…";q=…;w=…: rate limiting is bypassed',
    ],
    [
      'states a limit and does not refuse',
      (answered) => granted(quota - answered - 1),
      'refused: status 200, expected 429 after 10 requests at a limit of 5: rate limiting is bypassed',
    ],
    [
      'was raised for a load test',
      () => ({ headers: { 'ratelimit-policy': '"user";q=10000000;w=60' } }),
      'policy: the limit is 10000000 requests in 60 s, expected at most 1000: was it raised for a load test?',
    ],
    [
      'refuses without Retry-After',
      limited(refused({ 'retry-after': '' })),
      'refused: Retry-After is , expected 1 to 60',
    ],
    [
      'asks to wait longer than its window',
      limited(refused({ 'retry-after': '3600' })),
      'refused: Retry-After is 3600, expected 1 to 60',
    ],
    [
      'refuses a user with requests left',
      limited(refused({ ratelimit: '"user";r=3;t=30' })),
      'refused: RateLimit of the refusal is "user";r=3;t=30, expected r=0',
    ],
    ['breaks instead of refusing', limited({ status: 500 }), 'use-up: status 500, expected 200'],
  ]
  it.each(broken)('is down when it %s', async (_what, service, says) => {
    expect(await playRateLimit(service)).toBe(says)
  })
})
