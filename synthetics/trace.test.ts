import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Journey, Step } from '../journeys/index.ts'
import { runProbes } from './probes.ts'

let seen: string[] = []
let status = 200
const server = createServer((request, response) => {
  seen.push(String(request.headers['traceparent']))
  response.writeHead(status).end()
})
let url: string
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  seen = []
  status = 200
})
afterAll(() => server.close())

const get = (name: string, headers: Record<string, string> = {}): Step => ({
  name,
  request: () => ({ method: 'GET', path: `/${name}`, headers }),
})
const journey: Journey = {
  name: 'it',
  before: [get('login')],
  steps: [get('one'), get('two')],
  after: [get('logout')],
}
const run = async (of: Journey, random: () => number) =>
  (
    await runProbes({
      targetUrl: url,
      journeys: [of],
      probes: { it: { journey: 'it', attempts: 1 } },
      run: 'r',
      signal: new AbortController().signal,
      now: () => 0,
      random,
      env: {},
    })
  ).probes[0]

it('every request of an attempt is a sampled span of its own in one trace', async () => {
  await run(journey, Math.random)
  expect(seen).toHaveLength(4)
  for (const traceparent of seen) expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(new Set(seen.map((traceparent) => traceparent.slice(0, 35))).size).toBe(1)
  expect(new Set(seen).size).toBe(4)
})

it('the ids come from the random source that is given', async () => {
  await run(journey, () => 0.5)
  expect(seen[0]).toBe(`00-${'8'.repeat(32)}-${'8'.repeat(16)}-01`)
})

it('a failing step names the trace, and so does the probe', async () => {
  status = 500
  const result = await run(journey, () => 0.5)
  const message = `status 500, expected 2xx (trace ${'8'.repeat(32)})`
  expect(result).toMatchObject({
    message: `login failed (status): ${message}`,
    steps: [{ step: 'login', message }],
  })
})

it('a journey that sends a traceparent itself keeps it, and that one is named', async () => {
  status = 500
  const own = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  const result = await run({ name: 'it', steps: [get('one', { traceparent: own })] }, () => 0.5)
  expect([seen, result?.message]).toEqual([[own], expect.stringContaining(`(trace ${'a'.repeat(32)})`)])
})
