import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { measured, runEngine } from './testing/run.ts'
import { startTarget } from './testing/target.ts'

const mebibyte = 1024 * 1024
const chunk = Buffer.alloc(mebibyte, 'a')

/** Sends a body in chunks, as fast as it is read. */
function sendBody(response: ServerResponse, mebibytes: number): void {
  let left = mebibytes
  const push = (): void => {
    while (left > 0) {
      left -= 1
      if (!response.write(chunk)) return void response.once('drain', push)
    }
    response.end()
  }
  push()
}

const reading = `const check = ({ text }) => (text === '' ? 'empty' : undefined)
export default [{ name: 'home', steps: [
  { name: 'get', request: () => ({ method: 'GET', path: '/' }), check },
] }]`
const script = `import http from 'k6/http'
export const options = { scenarios: { a: { executor: 'constant-arrival-rate', rate: 8, duration: '15s',
  preAllocatedVUs: 20 } } }
export default () => http.get(__ENV.BASE_URL)`

const load = { model: 'arrival-rate', ratePerSecond: 8 } as const

describe('an answer with a large body', () => {
  for (const [mebibytes, share] of [
    [4, 0],
    [5, 1],
  ] as const)
    it(`of ${mebibytes} MiB fails ${share} of 1 steps that read it, as in other engines`, async (context) => {
      const target = await startTarget(context, (_request, response) => sendBody(response, mebibytes))
      const plan = { load, durationMs: 1000 }
      const measurement = measured(await runEngine(context, { url: target.url, source: reading, plan }))
      const { requests = 0, errors } = measurement.endpoints['home/get'] ?? {}
      expect(requests).toBeGreaterThan(0)
      expect(errors).toBe(requests * share)
      expect(measurement.failures.map(({ class: failure, example }) => [failure, example])).toEqual(
        share === 0 ? [] : [['check', 'the body is larger than 4194304 bytes']],
      )
    })

  for (const [kind, source] of [
    ['journeys', reading],
    ['script', script],
  ] as const)
    it(`uses up the memory of k6, and the reason is named: ${kind}`, async (context) => {
      const target = await startTarget(context, (_request, response) => sendBody(response, 96))
      const { result, tookMs } = await runEngine(context, {
        url: target.url,
        source,
        kind,
        plan: { load, durationMs: 15_000 },
        // Less than on this machine, so that this test needs less too.
        wrapper: `ulimit -d 400000; exec "$K6" "$@"`,
      })
      expect(result).toMatchObject({
        state: 'unavailable',
        reason: expect.stringMatching(/^k6 needed more memory than the \d+ MiB that it may use: [^\n]+less$/),
      })
      expect(tookMs).toBeLessThan(20_000)
    })
})
