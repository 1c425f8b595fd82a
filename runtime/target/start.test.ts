import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { freePort, waitReady } from '../services/index.ts'
import { placeOnPort, startTarget } from './server-side.ts'
import type { TargetPlan } from './server-side.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

const folder = temporaryFolder('target')
const never = new AbortController().signal

async function plan(script: string, changes: Partial<TargetPlan> = {}): Promise<TargetPlan> {
  const port = await freePort()
  return {
    url: `http://127.0.0.1:${port}`,
    command: [process.execPath, '-e', script],
    ready: '/ready',
    cwd: folder,
    env: { PATH: process.env['PATH'], PORT: String(port) },
    timeoutMs: 20_000,
    logFile: join(folder, `${port}.log`),
    signal: never,
    ...changes,
  }
}

it.each([
  ['http://127.0.0.1:8123/api', {}, ['8123', '-p=8123', '8123']],
  ['http://shop.example', {}, ['80', '-p=80', '80']],
  ['https://shop.example', { PORT: '{port}0' }, ['443', '-p=443', '4430']],
])('the port of %s is in {port} and PORT', (url, own, [word, option, port]) => {
  expect(
    placeOnPort({ url, command: ['serve', '{port}', '-p={port}'], env: { A: '{port}', ...own } }),
  ).toEqual({
    command: ['serve', word, option],
    env: { A: word, PORT: port },
  })
})

describe('starting a target', () => {
  it('waits until it is ready, not only until it listens, and ends it', async () => {
    const plans = await plan(
      `let n = 0
      require('http').createServer((request, response) => {
        response.statusCode = ++n < 4 ? 503 : 200
        response.end()
      }).listen(process.env.PORT, '127.0.0.1')`,
    )
    const result = await startTarget(plans)
    expect(result.state).toBe('ok')
    if (result.state !== 'ok') return
    expect(await waitReady(plans.url, '/ready', { timeoutMs: 0, signal: never })).toBe('ready')
    await result.service.stop()
    expect(await waitReady(plans.url, '/ready', { timeoutMs: 0, signal: never })).toBe('unreachable')
  })

  it('asks for readiness below the base path of its URL', async () => {
    const plans = await plan(
      `require('http').createServer((request, response) => {
        response.statusCode = request.url === '/api/v1/ready' ? 200 : 404
        response.end()
      }).listen(process.env.PORT, '127.0.0.1')`,
    )
    const result = await startTarget({ ...plans, url: `${plans.url}/api/v1` })
    expect(result).toMatchObject({ state: 'ok' })
    if (result.state === 'ok') await result.service.stop()
  })

  it.each([
    [
      'a command that ends',
      "console.error('DATABASE_URL is not a URL'); process.exit(3)",
      {},
      'ended with code 3 before it was ready; it wrote: DATABASE_URL is not a URL',
    ],
    [
      'a command that is never ready',
      'setInterval(() => {}, 1000)',
      { timeoutMs: 300 },
      'was not ready at http://127.0.0.1:',
    ],
    [
      'a program that is not there',
      '',
      { command: ['./no-such-program'] },
      'could not be started: not found',
    ],
  ])('says why %s did not come up', async (_, script, changes, reason) => {
    const result = await startTarget(await plan(script, changes))
    expect(result).toMatchObject({ state: 'failed' })
    if (result.state === 'failed') expect(result.reason).toContain(reason)
  })

  it('refuses to measure another service that answers at its address', async () => {
    const stranger = createServer((_request, response) => response.end())
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const { port } = stranger.address() as AddressInfo
    const result = await startTarget(
      await plan('setInterval(() => {}, 1000)', { url: `http://127.0.0.1:${port}` }),
    )
    await new Promise((resolve) => stranger.close(resolve))
    expect(result).toMatchObject({ state: 'failed' })
    if (result.state === 'failed')
      expect(result.reason).toContain(`something already answers at http://127.0.0.1:${port}`)
  })

  it('stops waiting when interrupted', async () => {
    const interruption = new AbortController()
    const starting = startTarget(await plan('setInterval(() => {}, 1000)', { signal: interruption.signal }))
    interruption.abort()
    expect(await starting).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^target\.command '.*': interrupted while it was starting$/),
    })
  })
})
