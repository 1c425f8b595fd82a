import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf, quantile } from '../../../../record/index.ts'
import { latencyBuckets } from './latency-buckets.ts'
import { sampleOf } from './sample.ts'
import type { Sample } from './sample.ts'
import { stepNames } from './steps.ts'
import { tally } from './tally.ts'

const began = Date.parse('2026-01-02T03:04:05.000Z')

function sample(
  metric: Sample['metric'],
  value: number,
  tags: Record<string, string> = {},
  atMs = 0,
  user = '1',
): Sample {
  return { metric, atMs: began + atMs, value, user, tags: { group: '', ...tags } }
}

const ok = { name: 'a', status: '200', expected_response: 'true' }
const refused = {
  name: 'a',
  status: '0',
  error_code: '1212',
  error: 'dial: connection refused',
  expected_response: 'false',
}

describe("the count of a script's samples", () => {
  it('has each failed request once: by its answer, or by the checks of its virtual user', () => {
    const counts = tally()
    const samples = [
      sample('http_req_duration', 5, ok),
      sample(
        'http_req_duration',
        6,
        { ...ok, name: 'b', status: '500', expected_response: 'false' },
        10,
        '2',
      ),
      sample('checks', 0, { check: 'is 200' }, 20, '2'),
      sample('checks', 1, { check: 'fine' }, 20),
      sample('checks', 0, { check: 'says ok' }, 30),
      sample('checks', 0, { check: 'again' }, 31),
      sample('http_req_duration', 0, refused, 1500),
      sample('dropped_iterations', 3, {}, 1600),
      sample('iteration_duration', 11, {}, 1700),
      sample('checks', 0, { check: 'of nobody' }, 1700, '9'),
    ]
    for (const one of samples) counts.add(one)
    const counted = counts.counted()
    expect(counted).toMatchObject({
      requests: 3,
      errors: 6,
      dropped: 3,
      arrivals: 4,
      lastsMs: 1700,
      firstAtMs: began,
    })
    expect(counted.endpoints['script/a']).toMatchObject({ requests: 2, errors: 2, latencySumMs: 5 })
    expect(countOf(counted.endpoints['script/a']?.histogram ?? [])).toBe(1)
    expect(counted.failures).toEqual([
      { step: 'script/b', class: 'status', count: 1, firstAtMs: 10, example: 'status 500' },
      { step: 'script/a', class: 'check', count: 1, firstAtMs: 30, example: 'check failed: says ok' },
      { step: 'script/a', class: 'connect', count: 1, firstAtMs: 1500, example: 'dial: connection refused' },
      { step: null, class: 'dropped', count: 3, firstAtMs: 1600, example: 'no virtual user was free' },
    ])
    expect(counted.timeline).toEqual([
      { atMs: 0, requests: 2, errors: 2, p95Ms: expect.closeTo(6, 1) },
      { atMs: 1000, requests: 4, errors: 4 },
    ])
  })

  it('leaves setup and teardown out, and knows how many users there were', () => {
    const counts = tally()
    expect([
      counts.add(sample('vus_max', 7)),
      counts.add(sample('http_req_duration', 5, { ...ok, group: '::setup' })),
      counts.add(sample('http_req_duration', 5, { ...ok, group: '::teardown' })),
    ]).toEqual([false, false, false])
    expect(counts.counted()).toMatchObject({ requests: 0, users: 7, firstAtMs: undefined, lastsMs: 0 })
  })

  it('survives a clock set a year forward', () => {
    const counts = tally()
    counts.add(sample('http_req_duration', 5, ok))
    counts.add(sample('http_req_duration', 5, ok, 365 * 86_400_000))
    expect(counts.counted().requests).toBe(2)
    expect(counts.counted().timeline.length).toBeLessThanOrEqual(86_400)
  })
})

describe('steps of a script', () => {
  it.each([
    [{ name: 'pay now', url: 'pay now', method: 'POST' }, 'script/pay-now'],
    [{ name: 'http://h/items/17?x=1', method: 'GET' }, 'script/GET-items-id'],
    [{ name: 'http://h/u/2f1e6a34-8f7b-4a53-9c39-0c8b9a1c1f11/x', method: 'GET' }, 'script/GET-u-id-x'],
    [{ name: 'http://h/', method: 'GET', group: '::a::b' }, 'script/a.b.GET'],
    [{ name: '\u001B[2J', method: 'GET' }, 'script/2J'],
    [{}, 'script/unnamed'],
  ])('of %j is %s', (tags, expected) => {
    expect(stepNames().of(tags)).toBe(expected)
  })

  it('are bounded in number and length, however many URLs there are', () => {
    const names = stepNames()
    const steps = new Set(
      Array.from({ length: 5000 }, (_, index) =>
        names.of({ name: `http://h/page-${'x'.repeat(100)}${index}`, method: 'GET' }),
      ).concat(Array.from({ length: 5000 }, (_, index) => names.of({ name: `n${index}` }))),
    )
    expect(steps.size).toBeLessThanOrEqual(51)
    expect(steps).toContain('script/other')
    expect(Math.max(...[...steps].map((step) => step.length))).toBeLessThanOrEqual(70)
  })
})

describe("a line of k6's output", () => {
  it.each([
    '',
    '{',
    '{"metric":"http_reqs","type":"Point","data":{}}',
    '{"metric":"checks","type":"Point","data":{}}',
    '{"metric":"checks","type":"Point"',
    '{"metric":"checks","type":"Point","data":{"time":"never","value":1}}',
    'my own words',
  ])('%s is no sample', (line) => {
    expect(sampleOf(line)).toBeUndefined()
  })
  it('is read with its tags and its virtual user', () => {
    expect(
      sampleOf(
        '{"metric":"checks","type":"Point","data":{"time":"2026-01-02T03:04:05.5Z","value":0,"tags":{"check":"a"},"metadata":{"vu":"3"}}}',
      ),
    ).toEqual({ metric: 'checks', atMs: began + 500, value: 0, user: '3', tags: { check: 'a' } })
  })
})

it('latencies are counted in bounded memory, never below and at most 0.5 % or a microsecond above', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 600_000, noNaN: true }), (ms) => {
      const buckets = latencyBuckets()
      buckets.add(ms)
      const upper = quantile(buckets.histogram(), 1)
      expect(upper).toBeGreaterThanOrEqual(ms - 1e-9)
      expect(upper).toBeLessThanOrEqual(ms * 1.005 + 0.002)
    }),
  )
})
