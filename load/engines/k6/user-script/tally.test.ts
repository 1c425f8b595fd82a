import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countOf, quantile } from '../../../../record/index.ts'
import { Latencies } from '../../../latencies.ts'
import { createStepNamer, readSample } from './samples.ts'
import type { Sample } from './samples.ts'
import { createTally } from './tally.ts'

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
  it('counts each failed request once: by its answer, or by the checks of its virtual user', () => {
    const counts = createTally()
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
      sample('checks', 0, { check: 'of an idle user' }, 1700, '9'),
    ]
    for (const one of samples) counts.add(one)
    const counted = counts.counts()
    expect(counted).toMatchObject({
      requests: 3,
      errors: 6,
      dropped: 3,
      arrivals: 4,
      durationMs: 1700,
      firstAtMs: began,
    })
    expect(counted.endpoints['script/a']).toMatchObject({ requests: 2, errors: 2, latencySumMs: 5 })
    expect(countOf(counted.endpoints['script/a']?.histogram ?? [])).toBe(1)
    expect(counted.failures).toEqual([
      { step: 'script/b', class: 'status', count: 1, statuses: [500], firstAtMs: 10, example: 'status 500' },
      { step: 'script/a', class: 'check', count: 1, firstAtMs: 30, example: 'check failed: says ok' },
      { step: 'script/a', class: 'connect', count: 1, firstAtMs: 1500, example: 'dial: connection refused' },
      { step: null, class: 'dropped', count: 3, firstAtMs: 1600, example: 'no virtual user was free' },
    ])
    expect(counted.timeline).toEqual([
      {
        atMs: 0,
        requests: 2,
        errors: 2,
        p50Ms: expect.closeTo(5, 1),
        p95Ms: expect.closeTo(6, 1),
        p99Ms: expect.closeTo(6, 1),
      },
      { atMs: 1000, requests: 4, errors: 4 },
    ])
  })

  it('adds the time to connect to the request that opened a connection', () => {
    const counts = createTally()
    const samples = [
      sample('http_req_duration', 5, ok),
      sample('http_req_blocked', 30),
      sample('http_req_connecting', 10),
      sample('http_req_duration', 6, ok),
      sample('http_req_blocked', 0.002),
      sample('http_req_connecting', 0),
      sample('http_req_duration', 0, refused),
      sample('http_req_blocked', 40),
      sample('http_req_connecting', 0.1),
    ]
    for (const one of samples) counts.add(one)
    const { endpoints, connections } = counts.counts()
    expect(endpoints['script/a']).toMatchObject({ requests: 3, latencySumMs: 41.002 })
    expect(connections.timeSumMs).toBe(30)
    expect(countOf(connections.histogram)).toBe(1)
  })

  it('leaves out setup and teardown, and counts the virtual users', () => {
    const counts = createTally()
    expect([
      counts.add(sample('vus_max', 7)),
      counts.add(sample('http_req_duration', 5, { ...ok, group: '::setup' })),
      counts.add(sample('http_req_duration', 5, { ...ok, group: '::teardown' })),
    ]).toEqual([false, false, false])
    expect(counts.counts()).toMatchObject({ requests: 0, users: 7, firstAtMs: undefined, durationMs: 0 })
  })

  it('stays bounded when the clock is set a year forward', () => {
    const counts = createTally()
    counts.add(sample('http_req_duration', 5, ok))
    counts.add(sample('http_req_duration', 5, ok, 365 * 86_400_000))
    expect(counts.counts().requests).toBe(2)
    expect(counts.counts().timeline.length).toBeLessThanOrEqual(86_400)
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
    [{ name: 'Оплата', group: '::Корзина' }, 'script/Корзина.Оплата'],
    [{ name: '结账 🛒' }, 'script/结账-🛒'],
    [{ name: 'http://h/товары/17/обувь', method: 'GET' }, 'script/GET-товары-id-обувь'],
    [{ url: 'http://h/%E0%A4%A', method: 'GET' }, 'script/GET-E0-A4-A'],
  ])('of %j is %s', (tags, expected) => {
    expect(createStepNamer()(tags)).toBe(expected)
  })

  it('are as many as there are different names', () => {
    const nameStep = createStepNamer()
    const names = ['Оплата', 'Доставка', '🛒', '🚀', 'pay now', 'pay-now', 'pay/now', '***', '???']
    const long = ['one', 'two'].map((end) => 'x'.repeat(200) + end)
    const steps = [...names, ...long].map((name) => nameStep({ name }))
    expect(new Set(steps).size).toBe(steps.length)
    expect([...names, ...long].map((name) => nameStep({ name }))).toEqual(steps)
    expect(nameStep({ name: 'b', group: '::a' })).not.toBe(nameStep({ name: 'a.b' }))
  })

  it('are bounded in number and length, however many URLs there are', () => {
    const nameStep = createStepNamer()
    const steps = new Set(
      Array.from({ length: 5000 }, (_, index) =>
        nameStep({ name: `http://h/page-${'x'.repeat(100)}${index}`, method: 'GET' }),
      ).concat(Array.from({ length: 5000 }, (_, index) => nameStep({ name: `n${index}` }))),
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
    'output of the script',
  ])('%s is not a sample', (line) => {
    expect(readSample(line)).toBeUndefined()
  })
  it('is read with its tags and its virtual user', () => {
    expect(
      readSample(
        '{"metric":"checks","type":"Point","data":{"time":"2026-01-02T03:04:05.5Z","value":0,' +
          '"tags":{"check":"a"},"metadata":{"vu":"3"}}}',
      ),
    ).toEqual({ metric: 'checks', atMs: began + 500, value: 0, user: '3', tags: { check: 'a' } })
  })
})

it('latencies are kept in bounded memory, never below and at most 0.5 % or a microsecond above', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 600_000, noNaN: true }), (ms) => {
      const latencies = new Latencies()
      latencies.add(ms)
      const upper = quantile(latencies.histogram(), 1)
      expect(upper).toBeGreaterThanOrEqual(ms - 1e-9)
      expect(upper).toBeLessThanOrEqual(ms * 1.005 + 0.002)
    }),
  )
})
