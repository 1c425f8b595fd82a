import { afterEach, describe, expect, test } from 'vitest'
import { endTargets, target } from '../journeys/client/testing/target.ts'
import type { Journey } from '../journeys/index.ts'
import type { LoadPlan } from './engine.ts'
import { prepareUsers, releaseUsers } from './virtual-users.ts'

afterEach(endTargets)

const never = new AbortController().signal

const account: Journey = {
  name: 'account',
  before: [
    {
      name: 'register',
      request: (ctx) => ({ method: 'POST', path: '/register', json: { name: ctx.unique } }),
      save: (response) => ({ token: response.json }),
    },
    {
      name: 'login',
      request: (ctx) => ({ method: 'POST', path: '/login', json: { token: ctx['token'] } }),
      save: () => ({ logged: 'in' }),
    },
  ],
  steps: [{ name: 'look', request: () => ({ method: 'GET', path: '/' }) }],
  after: [
    {
      name: 'leave',
      request: (ctx) => ({
        method: 'DELETE',
        path: '/account',
        json: { token: ctx['token'], name: ctx.unique },
      }),
    },
  ],
}
const plain: Journey = { name: 'plain', steps: account.steps }
const unused: Journey = { ...account, name: 'unused' }

function planFor(targetUrl: string): LoadPlan {
  const mix = [
    { journey: 'account', weight: 1 },
    { journey: 'plain', weight: 2 },
  ]
  return {
    run: 'r',
    suite: 's',
    targetUrl,
    source: { kind: 'journeys', module: '/none.ts', mix },
    load: { model: 'connections', connections: 3 },
    warmupMs: 0,
    durationMs: 1000,
    requestTimeoutMs: 2000,
  }
}

describe('virtual users', () => {
  test('are prepared once each, with what before saved, and released under the same names', async () => {
    const seen: string[] = []
    const url = await target((request, response, body) => {
      seen.push(`${request.method} ${request.url} ${body}`)
      const { name }: { name?: string } = JSON.parse(body)
      response.end(JSON.stringify(`token of ${name}`))
    })
    const plan = planFor(url)
    const prepared = await prepareUsers(plan, [account, plain, unused], 3, never)
    expect(prepared).toMatchObject({
      state: 'ready',
      contexts: {
        account: [0, 1, 2].map((user) => ({ token: `token of r-${user}--1`, logged: 'in' })),
        plain: [{}, {}, {}],
      },
    })
    expect(prepared.state === 'ready' && Object.keys(prepared.contexts)).toEqual(['account', 'plain'])
    expect(await releaseUsers(plan, [account, plain, unused], prepared, never)).toEqual({ problems: [] })
    expect(seen.filter((line) => line.startsWith('DELETE')).toSorted()).toEqual(
      [0, 1, 2].map((user) => `DELETE /account {"token":"token of r-${user}--1","name":"r-${user}--1"}`),
    )
    expect(seen).toHaveLength(9)
  })

  test("that cannot be prepared are the target's failure, and those begun are released", async () => {
    const left: string[] = []
    const url = await target((request, response, body) => {
      if (request.method === 'DELETE') left.push(body)
      response.writeHead(request.url === '/login' ? 503 : 200).end('"t"')
    })
    const plan = planFor(url)
    const prepared = await prepareUsers(plan, [account], 100, never)
    expect(prepared).toMatchObject({
      state: 'failed',
      step: 'account/login',
      class: 'status',
      message: 'status 503, expected 2xx',
    })
    expect(prepared.users.length).toBeLessThan(20)
    await releaseUsers(plan, [account], prepared, never)
    expect(left).toHaveLength(prepared.users.length)
  })

  test('whose request throws fail in class check', async () => {
    const broken: Journey = {
      ...account,
      before: [
        {
          name: 'b',
          request: () => {
            throw new Error('no such\nthing')
          },
        },
      ],
    }
    expect(await prepareUsers(planFor('http://127.0.0.1:1'), [broken], 1, never)).toMatchObject({
      state: 'failed',
      step: 'account/b',
      class: 'check',
      message: 'request threw: no such thing',
    })
  })

  test('stop being prepared when interrupted, and those not released are reported', async () => {
    const interrupt = new AbortController()
    const url = await target(() => interrupt.abort())
    const prepared = await prepareUsers(planFor(url), [account], 5, interrupt.signal)
    expect(prepared.state).toBe('interrupted')
    const { problems } = await releaseUsers(planFor(url), [account], prepared, interrupt.signal)
    expect(problems[0]).toMatch(/virtual users were not released/)
  })

  test('that cannot be released are reported, in at most ten lines, and nothing is thrown', async () => {
    const users = Array.from({ length: 30 }, (_, user) => ({ journey: 'account', user, saved: {} }))
    const { problems } = await releaseUsers(planFor('http://127.0.0.1:1'), [account], { users }, never)
    expect(problems).toHaveLength(10)
    expect(problems[0]).toMatch(/^user \d+: account\/leave failed \(connect\): connection refused/)
  })
})
