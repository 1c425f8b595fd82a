import { array, assert, double, property } from 'fast-check'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createScope } from '../http/index.ts'
import type { Scope } from '../http/index.ts'
import { Faults } from './faults.ts'
import { faultSet } from './rules.ts'
import type { Rule } from './rules.ts'

let now: number
let chance: number
let expirations: number
let faults: Faults

beforeEach(() => {
  now = 1000
  chance = 0
  expirations = 0
  faults = new Faults({
    now: () => now,
    random: () => chance,
    operationRoutes: new Set(['/health', '/_faults']),
    onExpired: () => (expirations += 1),
  })
  onTestFinished(() => faults.clear())
})

function request(method: string, route: string): Scope {
  const scope = createScope({ method, requestId: undefined, traceparent: undefined, address: '127.0.0.1' })
  scope.route = route
  return scope
}

async function requestStatus(method: string, route: string): Promise<number> {
  try {
    await faults.beforeRequest(request(method, route))
    return 200
  } catch (error) {
    return error instanceof Error && 'status' in error ? Number(error.status) : 0
  }
}

describe('while nothing is on', () => {
  test('no place waits, not even a turn of the event loop', () => {
    expect([
      faults.beforeRequest(request('GET', '/tasks')),
      faults.beforeQuery('tasks.page'),
      faults.rateLimitOff,
      faults.isDatabaseDown,
    ]).toEqual([undefined, undefined, false, false])
    expect(() => faults.beforeAuth()).not.toThrow()
    expect(faults.state()).toEqual({ rules: [], leftMs: 0 })
  })
})

describe('faults end', () => {
  test('after their time, by the clock that is passed in, and say so once', async () => {
    faults.set([{ status: 500 }, { authDown: true, rateLimitOff: true, dbDown: true }], 60)
    now += 59_999
    expect([await requestStatus('GET', '/tasks'), faults.rateLimitOff, faults.isDatabaseDown]).toEqual([
      500,
      true,
      true,
    ])
    expect(faults.state().leftMs).toBe(1)
    now += 1
    expect([
      await requestStatus('GET', '/tasks'),
      faults.rateLimitOff,
      faults.isDatabaseDown,
      faults.beforeQuery('tasks.page'),
    ]).toEqual([200, false, false, undefined])
    expect(() => faults.beforeAuth()).not.toThrow()
    expect(expirations).toBe(1)
  })

  test('when others are set in their place', async () => {
    faults.set([{ status: 500 }], 60)
    faults.set([{ status: 418 }], 10)
    expect(await requestStatus('GET', '/tasks')).toBe(418)
    faults.set([], 10)
    expect(await requestStatus('GET', '/tasks')).toBe(200)
  })

  test('also for delayed requests, which continue immediately', async () => {
    faults.set([{ latencyMs: 30_000, dbLatencyMs: 30_000 }], 60)
    const held = Promise.all([
      faults.beforeRequest(request('GET', '/tasks')),
      faults.beforeQuery('tasks.page'),
    ])
    faults.clear()
    await expect(held).resolves.toEqual([undefined, undefined])
    expect(expirations).toBe(0)
  })
})

describe('a rule', () => {
  test.each([
    [{ status: 500 }, 'GET', '/tasks/:id', 500],
    [{ status: 500, route: '/tasks' }, 'POST', '/tasks', 500],
    [{ status: 500, route: '/tasks' }, 'GET', '/tasks/:id', 200],
    [{ status: 500, route: 'GET /tasks' }, 'GET', '/tasks', 500],
    [{ status: 500, route: 'GET /tasks' }, 'POST', '/tasks', 200],
    [{ status: 500 }, 'GET', '/health', 200],
    [{ status: 500 }, 'PUT', '/_faults', 200],
    [{ status: 503, route: '/health' }, 'GET', '/health', 503],
  ])('%j: %s %s is %i', async (rule, method, route, status) => {
    faults.set([rule], 60)
    expect(await requestStatus(method, route)).toBe(status)
  })

  test('with a ratio strikes as often as chance is below it', () => {
    faults.set([{ dbDown: true, ratio: 0.3 }], 60)
    assert(
      property(array(double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chances) => {
        const struck = chances.filter((one) => {
          chance = one
          const struckBy = faults.beforeQuery('tasks.page')
          struckBy?.catch(() => undefined)
          return struckBy !== undefined
        })
        expect(struck).toEqual(chances.filter((one) => one < 0.3))
      }),
    )
  })

  test('of a query strikes no other', async () => {
    faults.set([{ dbDown: true, query: 'tasks.insert' }], 60)
    expect(faults.beforeQuery('tasks.page')).toBeUndefined()
    await expect(faults.beforeQuery('tasks.insert')).rejects.toThrow('dbDown')
  })

  test('that makes a request slow leaves it as much time after it as before', async () => {
    faults.set([{ latencyMs: 20 }], 60)
    const scope = request('GET', '/tasks')
    const [deadline, began] = [scope.deadline, performance.now()]
    await faults.beforeRequest(scope)
    expect(scope.deadline - deadline).toBeGreaterThanOrEqual(18)
    expect(scope.deadline - deadline).toBeLessThanOrEqual(performance.now() - began)
  })
})

describe('what is asked for', () => {
  const rules = (...list: unknown[]) => faultSet.safeParse({ rules: list, ttlSeconds: 60 })

  test.each<Rule>([
    { route: '/tasks', latencyMs: 30_000, status: 503, ratio: 0.5 },
    { stallMs: 2000 },
    { dbLatencyMs: 1, dbDown: true, ratio: 1 },
    { dbLatencyMs: 1, query: 'tasks.insert', ratio: 1 },
    { memoryMb: 2048 },
    { authDown: true, rateLimitOff: true },
  ])('%j is accepted', (rule) => {
    expect(rules(rule)).toMatchObject({ success: true, data: { rules: [rule] } })
  })

  test.each([
    ['nothing', {}],
    ['nothing but false', { dbDown: false }],
    ['a ratio alone', { ratio: 0.5 }],
    ['a fault that is not known', { latencyMs: 1, cpu: 1 }],
    ['no latency', { latencyMs: 0 }],
    ['latency without end', { latencyMs: 30_001 }],
    ['part of a millisecond', { latencyMs: 0.5 }],
    ['a good status', { status: 200 }],
    ['a ratio of nothing', { status: 500, ratio: 0 }],
    ['a ratio above all', { status: 500, ratio: 1.1 }],
    ['a database of one route', { route: '/tasks', dbDown: true }],
    ['a status of one query', { query: 'tasks.insert', status: 500 }],
    ['memory of one query', { query: 'tasks.insert', dbLatencyMs: 1, memoryMb: 1 }],
    ['memory of one route', { route: '/tasks', latencyMs: 1, memoryMb: 1 }],
    ['some memory', { memoryMb: 1, ratio: 0.5 }],
    ['memory beyond the bound', { memoryMb: 2049 }],
  ])('%s is refused', (_what, rule) => {
    expect(rules(rule).success).toBe(false)
  })

  test.each([0, -1, 3601, 1.5, '60', undefined])('a time of %j s is refused', (ttlSeconds) => {
    expect(faultSet.safeParse({ rules: [{ status: 500 }], ttlSeconds }).success).toBe(false)
  })

  test('memory is bounded in all, and so is the number of rules', () => {
    expect(rules({ memoryMb: 2000 }, { memoryMb: 49 }).success).toBe(false)
    expect(rules(...Array.from({ length: 21 }, () => ({ status: 500 }))).success).toBe(false)
  })
})
