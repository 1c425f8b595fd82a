import { describe, expect, it } from 'vitest'
import { checkStep, findRequestId, startContext } from './index.ts'
import type { Step } from './index.ts'

const ctx = startContext('run', 0, 0)
const request = (): { method: string; path: string } => ({ method: 'GET', path: '/' })
const settle = (step: Partial<Step>, status: number): ReturnType<typeof checkStep> =>
  checkStep({ name: 's', request, ...step }, { status, headers: {}, json: undefined, text: '' }, ctx)

describe('a step', () => {
  it.each<[string, Partial<Step>, number[], number[]]>([
    ['any 2xx, by default', {}, [200, 204, 299], [199, 300, 404, 500]],
    [
      'any 2xx, with a check that finds no problem',
      { check: (): undefined => undefined },
      [200],
      [302, 500, 503],
    ],
    ['any 2xx, with a save', { save: () => ({ a: 1 }) }, [201], [302, 500]],
    ['only its status', { status: 404 }, [404], [200, 403, 500]],
    ['only its statuses', { status: [302, 303] }, [302, 303], [200, 301, 304]],
    ['its status, and what its check accepts', { status: 409, check: () => 'no' }, [], [409, 200]],
  ])('expects %s', (_what, step, expected, unexpected) => {
    expect(expected.map((status) => settle(step, status).problem)).toEqual(expected.map(() => undefined))
    expect(unexpected.filter((status) => settle(step, status).problem === undefined)).toEqual([])
  })

  it.each<[string, Partial<Step>, number, string, string]>([
    ['a redirect', {}, 302, 'redirect', 'status 302, expected 2xx'],
    ['another status', { status: [200, 404] }, 503, 'status', 'status 503, expected 200 or 404'],
    ['another 2xx', { status: 200 }, 202, 'check', 'status 202, expected 200'],
    ['wrong content', { check: () => 'no word' }, 200, 'check', 'no word'],
    ['wrong content of an expected error', { status: 404, check: () => 'no word' }, 404, 'check', 'no word'],
    [
      'a status that its check ignores',
      { check: () => 'no word' },
      500,
      'status',
      'status 500, expected 2xx',
    ],
    [
      'a status that its check explains',
      { check: ({ status }): string => `status ${status}: the database is down` },
      503,
      'status',
      'status 503: the database is down',
    ],
    [
      'a status whose check throws',
      {
        check: () => {
          throw new Error('no field')
        },
      },
      500,
      'status',
      'status 500, expected 2xx',
    ],
  ])('says what is wrong with %s', (_what, step, status, failure, problem) => {
    expect(settle(step, status)).toEqual({ ctx, problem, class: failure })
  })

  it('saves nothing of an unexpected answer', () => {
    const save = (): Record<string, unknown> => ({ token: 'x' })
    expect(settle({ save, status: 201 }, 200).ctx).toEqual(ctx)
    expect(settle({ save, status: 201 }, 201).ctx).toEqual({ ...ctx, token: 'x' })
  })
})

describe('the id of an answer', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const parent = `00-${trace}-b7ad6b7169203331-01`
  it.each<[string, Record<string, unknown>, string | undefined]>([
    ['its x-request-id', { 'x-request-id': 'abc-1' }, 'abc-1'],
    ['in any case', { 'X-Request-Id': ' abc-1 ' }, 'abc-1'],
    ['the trace of its traceparent', { Traceparent: parent }, trace],
    ['the trace in its server-timing', { 'server-timing': `db;dur=1, traceparent;desc="${parent}"` }, trace],
    ['the request id before the trace', { traceparent: parent, 'x-request-id': 'r1' }, 'r1'],
    ['the trace after an id that may be harmful', { 'x-request-id': 'a b', traceparent: parent }, trace],
    ['none without such headers', { 'content-type': 'text/plain' }, undefined],
    ['none of a control character', { 'x-request-id': 'a\u001b[2J' }, undefined],
    ['none of markup', { 'x-request-id': '<script>' }, undefined],
    ['one of 64 characters', { 'x-request-id': 'a'.repeat(64) }, 'a'.repeat(64)],
    ['none of 65', { 'x-request-id': 'a'.repeat(65) }, undefined],
    ['none of a megabyte', { 'x-request-id': 'a'.repeat(1_000_000) }, undefined],
    ['none of something that is no text', { 'x-request-id': ['a'] }, undefined],
    ['none of a traceparent with a wrong length', { traceparent: parent.slice(0, -4) }, undefined],
  ])('is %s', (_, headers, expected) => {
    expect(findRequestId(headers)).toBe(expected)
  })
})
