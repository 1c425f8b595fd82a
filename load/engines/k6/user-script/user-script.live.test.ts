import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { countOf } from '../../../../record/index.ts'
import type { Run } from '../../../../record/index.ts'
import { createK6Engine } from '../index.ts'
import { k6Path, measured, planOf, runEngine } from '../testing/run.ts'
import { startTarget } from '../testing/target.ts'

/** A script with its own scenario, thresholds, checks, groups, setup and `handleSummary`. */
const userScript = `
import http from 'k6/http'
import { check, group } from 'k6'
import { Counter, Trend } from 'k6/metrics'
const payTime = new Trend('pay_time', true)
const paid = new Counter('paid')
const names = JSON.parse(open('./names.json'))
export const options = {
  scenarios: {
    mine: {
      executor: 'constant-arrival-rate',
      rate: 40, timeUnit: '1s', duration: '2s', preAllocatedVUs: 5, maxVUs: 5,
    },
  },
  thresholds: { checks: ['rate>0.99'], paid: ['count>1e6'], pay_time: ['max<60000'] },
  systemTags: ['status'],
}
const url = __ENV.BASE_URL
export function setup() { http.get(url + '/setup') }
export default function () {
  group('cart', () => {
    const response = http.get(url + '/items/' + (1000 + __ITER))
    check(response, { 'is 200': ({ status }) => status === 200, 'says ok': ({ body }) => body === 'ok' })
  })
  const { timings } = http.post(url + '/pay?a=1', null, { tags: { name: 'pay now' } })
  payTime.add(timings.duration)
  paid.add(1)
  if (__ITER === 0) console.log(names[0], __ENV.COLOUR)
}
export function handleSummary() {
  return {
    'summary of mine.txt': 'written',
    stdout: '{"metric":"http_req_duration","type":"Point","data":{}}\\nmine',
  }
}
`

async function inspect(source: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'vigil-inspect-'))
  try {
    writeFileSync(join(folder, 'script.js'), source)
    const plan = planOf({ url: 'http://127.0.0.1:9', source, kind: 'script' }, join(folder, 'script.js'))
    return await createK6Engine(await k6Path()).inspect?.(plan, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("a user's script", () => {
  it('runs unchanged: its load, its thresholds, its steps, each failed request once', async (context) => {
    let items = 0
    const target = await startTarget(context, (request, response) => {
      if (request.url?.startsWith('/items')) items += 1
      response.statusCode = request.url?.startsWith('/items') && items % 10 === 3 ? 500 : 200
      response.end('ok')
    })
    const run = await runEngine(context, {
      url: target.url,
      source: userScript,
      kind: 'script',
      files: { 'names.json': '["ann"]' },
      env: { COLOUR: 'blue' },
      plan: { durationMs: 1, warmupMs: 60_000, load: { model: 'arrival-rate', ratePerSecond: 1 } },
    })
    const { endpoints, failures, interrupted, durationMs, generator, crossedThresholds, ...own } =
      measured(run)
    const received = target.seen.filter((line) => line.includes('/items')).length
    const failed = Math.floor((received + 7) / 10)
    expect(Object.keys(endpoints).toSorted()).toEqual(['script/cart.GET-items-id', 'script/pay-now'])
    expect(endpoints['script/cart.GET-items-id']).toMatchObject({ requests: received, errors: failed })
    expect(endpoints['script/pay-now']).toMatchObject({
      requests: target.seen.filter((line) => line.includes('/pay')).length,
      errors: 0,
    })
    expect(countOf(endpoints['script/cart.GET-items-id']?.histogram ?? [])).toBe(received)
    expect(failures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ step: 'script/cart.GET-items-id', class: 'status', count: failed }),
      ]),
    )
    const paid = endpoints['script/pay-now']?.requests ?? 0
    expect(crossedThresholds?.toSorted()).toEqual([
      expect.stringMatching(/^threshold on checks: rate>0.99, found 0\.9\d*$/),
      `threshold on paid: count>1e6, found ${paid}`,
    ])
    expect(own.scriptMetrics).toMatchObject({
      paid: { type: 'counter', value: paid, better: 'higher' },
      pay_time: { type: 'trend', unit: 'ms', samples: paid, better: 'lower' },
    })
    expect(own.checks).toEqual({
      'is 200': { passes: received - failed, fails: failed },
      'says ok': { passes: received, fails: 0 },
    })
    expect(readFileSync(join(run.folder, 'summary of mine.txt'), 'utf8')).toBe('written')
    expect(run.console).toEqual(expect.arrayContaining(['ann blue', 'mine']))
    expect(interrupted).toBe(false)
    expect(durationMs).toBeGreaterThan(1500)
    expect(generator['virtualUsersMax']).toBe(5)
    expect(run.edges).toEqual(['begin', 'end'])
  })

  it("reads the config's secrets from its environment, and nothing else of vigil's", async (context) => {
    const target = await startTarget(context, (_request, response) => response.end())
    await runEngine(context, {
      url: target.url,
      source: `import http from 'k6/http'
export default () => {
  const { API_KEY, HOSTNAME, USER } = __ENV
  http.get(__ENV.BASE_URL + '/?' + encodeURIComponent([API_KEY, HOSTNAME, USER]))
}`,
      kind: 'script',
      plan: { secrets: { API_KEY: 'k ey' } },
    })
    expect(target.seen).toHaveLength(1)
    expect(target.seen[0]).toContain('/?k%20ey%2C%2C')
  })

  it.each<[string, string, Run['load'], number | undefined]>([
    ['no options', '', { model: 'once', script: '1 iteration by each of 1 virtual user' }, undefined],
    [
      'a constant rate',
      `scenarios: { a: { executor: 'constant-arrival-rate', rate: 90, timeUnit: '1m', duration: '2s',
        preAllocatedVUs: 1 } }`,
      { model: 'arrival-rate', ratePerSecond: 1.5, script: '1.5 iterations/s for 2s' },
      2000,
    ],
    [
      'virtual users',
      "vus: 3, duration: '90s'",
      { model: 'connections', connections: 3, script: '3 virtual users for 1m30s' },
      90_000,
    ],
    [
      'stages',
      "stages: [{ duration: '5s', target: 4 }, { duration: '1m', target: 0 }]",
      { model: 'connections', script: '1 → 4 → 0 virtual users in 5s + 1m0s' },
      65_000,
    ],
    [
      'two scenarios, and a target from the environment',
      `scenarios: {
        a: { executor: 'ramping-arrival-rate', startRate: 2, preAllocatedVUs: 1,
             stages: [{ duration: '30s', target: __ENV.BASE_URL === 'http://127.0.0.1:9' ? 10 : 0 }] },
        b: { executor: 'shared-iterations', vus: 2, iterations: 10, startTime: '10s' } }`,
      {
        model: 'connections',
        script: 'a: 2 → 10 iterations/s in 30s; b: 10 iterations by 2 virtual users, from 10s on',
      },
      undefined,
    ],
  ])('with %s: its load is known before it runs', async (_, options, load, lastsMs) => {
    const found = await inspect(`export const options = { ${options} }\nexport default () => {}`)
    expect(found).toEqual({ state: 'ok', load, lastsMs })
  })

  it('that cannot be inspected is a usage error before anything is loaded', async () => {
    expect(await inspect('export default () => {}; nothing()')).toEqual({
      state: 'usage-error',
      reason: expect.stringMatching(/script\.js: ReferenceError: nothing is not defined/) as string,
    })
  })

  it('that imports from a URL that cannot be fetched says what to do', async () => {
    expect(await inspect("import x from 'https://vigil.invalid/a.js'; export default x")).toEqual({
      state: 'usage-error',
      reason: expect.stringMatching(
        /script\.js: imports https:\/\/vigil\.invalid\/a\.js, which cannot be fetched/,
      ) as string,
    })
  })

  it('that cannot be loaded or has invalid options is a usage error with its name', async (context) => {
    for (const [source, expected] of [
      ['import "../gone.js"\nexport default () => {}', /script\.js: .*gone\.js/],
      ['export default () => {}; nothing()', /script\.js: ReferenceError: nothing is not defined/],
      [
        'export const options = { scenarios: { a: { executor: "none" } } }\nexport default () => {}',
        /script\.js: .*executor/,
      ],
    ] as const) {
      const { result } = await runEngine(context, { url: 'http://127.0.0.1:1', source, kind: 'script' })
      expect(result).toMatchObject({ state: 'usage-error', reason: expect.stringMatching(expected) })
    }
  })

  it('that marks its run as failed is measured, with its reasons', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const script = (body: string): string => `import http from 'k6/http'
import exec from 'k6/execution'
export const options = { iterations: 3 }
export default () => { http.get(__ENV.BASE_URL); ${body} }`
    const run = async (body: string): ReturnType<typeof runEngine> =>
      runEngine(context, { url: target.url, source: script(body), kind: 'script' })
    const marked = measured(
      await run("exec.test.fail('the shop is broken'); exec.test.fail('part ' + __ITER)"),
    )
    expect(marked.markedFailed).toEqual(['the shop is broken', 'part 0', 'part 1', 'part 2'])
    expect(marked.endpoints).toMatchObject({ 'script/GET': { requests: 3, errors: 0 } })
    expect(measured(await run('exec.test.fail()')).markedFailed).toHaveLength(1)
    expect(measured(await run("console.error('test marked as failed: no')")).markedFailed).toBeUndefined()
    const stopped = await run("exec.test.abort('out of stock')")
    expect(stopped.result).toMatchObject({
      state: 'unavailable',
      reason: expect.stringMatching(/108 \(the script stopped the run\): test aborted: out of stock/),
    })
  })

  it('that is interrupted keeps what was measured', async (context) => {
    const target = await startTarget(context, (_request, response) => response.end('ok'))
    const run = await runEngine(context, {
      url: target.url,
      source: userScript.replace("'2s'", "'600s'"),
      kind: 'script',
      files: { 'names.json': '[]' },
      onProgress: ({ phase, requestsPerSecond }, interrupt) =>
        phase === 'measure' && requestsPerSecond > 0 && interrupt(),
    })
    expect(measured(run)).toMatchObject({ interrupted: true, saturation: [] })
    expect(Object.keys(measured(run).endpoints)).toContain('script/pay-now')
  })
})
