import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createRawServer } from 'node:net'
import type { Server } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { Journey } from '../../journeys/index.ts'
import type { LoadPlan } from '../engine.ts'
import { addressOf, prepareUsers, releaseUsers, requestTarget, sendRequest, wireProblem } from './index.ts'

const endings: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end()
})

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  endings.push(async () => {
    if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

async function target(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  return listening(
    createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk)).on('end', () => answer(request, response, body))
    }),
  )
}

async function raw(words: string, then: 'close' | 'reset' | 'stay' = 'close'): Promise<string> {
  const sockets = new Set<{ destroy: () => void }>()
  const server = createRawServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write(words, () => {
        if (then === 'close') socket.end()
        if (then === 'reset') socket.resetAndDestroy()
      })
    })
  })
  const url = await listening(server)
  endings.push(async () => {
    for (const socket of sockets) socket.destroy()
  })
  return url
}

const never = new AbortController().signal
const limits = { timeoutMs: 5000, maxBodyBytes: 100_000, signal: never }
const get = { method: 'GET', path: '/', headers: {}, body: undefined }

describe('one request', () => {
  test('arrives as it was written, and its answer comes back whole', async () => {
    const url = await target((request, response, body) => {
      response.setHeader('X-Seen', `${request.method} ${request.url} ${String(request.headers['x-mine'])} ${body}`)
      response.appendHeader('Set-Cookie', 'a=1').appendHeader('Set-Cookie', 'b=2')
      response.end('{"ok":true}')
    })
    const result = await sendRequest(`${url}/base/`, { method: 'POST', path: '/a?b=c', headers: { 'x-mine': 'yes' }, body: 'ä' }, limits)
    expect(result).toMatchObject({ state: 'answered', response: { status: 200, json: { ok: true }, text: '{"ok":true}', headers: { 'set-cookie': 'a=1, b=2' } } })
    expect(result.state === 'answered' && Buffer.from(result.response.headers['x-seen'] ?? '', 'latin1').toString()).toBe('POST /base/a?b=c yes ä')
  })

  test('follows no redirect and keeps no cookie', async () => {
    const seen: string[] = []
    const url = await target((request, response) => {
      seen.push(`${request.url} ${request.headers.cookie ?? '-'}`)
      response.writeHead(302, { location: '/login', 'set-cookie': 'a=1' }).end()
    })
    expect(await sendRequest(url, get, limits)).toMatchObject({ state: 'answered', response: { status: 302 } })
    await sendRequest(url, get, limits)
    expect(seen).toEqual(['/ -', '/ -'])
  })

  test('carries the login of the target\'s URL, unless the step has its own', async () => {
    const url = await target((request, response) => response.end(request.headers.authorization))
    const login = url.replace('http://', 'http://me:p%40ss@')
    expect(await sendRequest(login, get, limits)).toMatchObject({ response: { text: `Basic ${Buffer.from('me:p@ss').toString('base64')}` } })
    expect(await sendRequest(login, { ...get, headers: { authorization: 'Bearer x' } }, limits)).toMatchObject({ response: { text: 'Bearer x' } })
  })

  test.each([
    ['a refused connection', async () => 'http://127.0.0.1:1', 'connect'],
    ['a host name that is not known', async () => 'http://no-such-host.invalid', 'dns'],
    ['https spoken to an http port', async () => (await target((_, response) => response.end())).replace('http:', 'https:'), 'tls'],
    ['a target that never answers', () => raw('', 'stay'), 'timeout'],
    ['a target that stalls in its body', () => raw('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123', 'stay'), 'timeout'],
    ['a connection reset in the body', () => raw('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123', 'reset'), 'connect'],
    ['an answer that is no HTTP', () => raw('hello there\r\n\r\n'), 'connect'],
    ['endless headers', () => raw(`HTTP/1.1 200 OK\r\n${'x-more: and more\r\n'.repeat(10_000)}`, 'stay'), 'connect'],
    ['a body beyond its limit', () => raw(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(200_000)}`, 'stay'), 'check'],
  ])('fails in class: %s', async (_, url, expected) => {
    const result = await sendRequest(await url(), get, { ...limits, timeoutMs: 1000 })
    expect(result).toMatchObject({ state: 'failed', class: expected })
    expect(result.state === 'failed' && result.message).toMatch(/^[^\n]{5,200}$/)
  })

  test('ends at once when interrupted', async () => {
    const interrupt = new AbortController()
    const url = await raw('', 'stay')
    const result = sendRequest(url, get, { ...limits, timeoutMs: 60_000, signal: interrupt.signal })
    interrupt.abort()
    expect(await result).toMatchObject({ state: 'failed', message: 'interrupted before the answer came' })
  })
})

describe('a request cannot be split by what a target said', () => {
  test.each([
    ['a line break in a header', { ...get, headers: { authorization: 'a\r\nx: y' } }],
    ['a space in the method', { ...get, method: 'GET /admin' }],
    ['a colon in a header name', { ...get, headers: { 'a: b': 'c' } }],
  ])('%s is refused', async (_, request) => {
    expect(wireProblem(request)).toBeDefined()
    expect(await sendRequest('http://127.0.0.1:1', request, limits)).toMatchObject({ state: 'failed', class: 'check' })
  })
  test('a path is encoded where it must be, and nowhere else', () => {
    const address = addressOf('http://[::1]:8080/api/')
    expect(address).toMatchObject({ hostname: '::1', port: 8080, prefix: '/api', authorization: undefined })
    expect(requestTarget(address, '/a%20b?c=[d]#e')).toBe('/api/a%20b?c=[d]')
    expect(requestTarget(address, 'ä b\r\nx')).toBe('/api/%C3%A4%20b%0D%0Ax')
  })
})

const account: Journey = {
  name: 'account',
  before: [
    { name: 'register', request: (ctx) => ({ method: 'POST', path: '/register', json: { name: ctx.unique } }), save: (response) => ({ token: response.json }) },
    { name: 'login', request: (ctx) => ({ method: 'POST', path: '/login', json: { token: ctx['token'] } }), save: () => ({ logged: 'in' }) },
  ],
  steps: [{ name: 'look', request: () => ({ method: 'GET', path: '/' }) }],
  after: [{ name: 'leave', request: (ctx) => ({ method: 'DELETE', path: '/account', json: { token: ctx['token'], name: ctx.unique } }) }],
}
const plain: Journey = { name: 'plain', steps: account.steps }
const unused: Journey = { ...account, name: 'unused' }

function planFor(targetUrl: string): LoadPlan {
  const mix = [{ journey: 'account', weight: 1 }, { journey: 'plain', weight: 2 }]
  return { run: 'r', suite: 's', targetUrl, source: { kind: 'journeys', module: '/none.ts', mix }, load: { model: 'connections', connections: 3 }, warmupMs: 0, durationMs: 1000, requestTimeoutMs: 2000 }
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
      contexts: { account: [0, 1, 2].map((user) => ({ token: `token of r-${user}--1`, logged: 'in' })), plain: [{}, {}, {}] },
    })
    expect(prepared.state === 'ready' && Object.keys(prepared.contexts)).toEqual(['account', 'plain'])
    expect(await releaseUsers(plan, [account, plain, unused], prepared, never)).toEqual({ problems: [] })
    expect(seen.filter((line) => line.startsWith('DELETE')).toSorted()).toEqual([0, 1, 2].map((user) => `DELETE /account {"token":"token of r-${user}--1","name":"r-${user}--1"}`))
    expect(seen).toHaveLength(9)
  })

  test('that cannot be prepared are the target\'s failure, and those begun are released', async () => {
    const left: string[] = []
    const url = await target((request, response, body) => {
      if (request.method === 'DELETE') left.push(body)
      response.writeHead(request.url === '/login' ? 503 : 200).end('"t"')
    })
    const plan = planFor(url)
    const prepared = await prepareUsers(plan, [account], 100, never)
    expect(prepared).toMatchObject({ state: 'failed', step: 'account/login', class: 'status', message: 'status 503, expected 2xx' })
    expect(prepared.users.length).toBeLessThan(20)
    await releaseUsers(plan, [account], prepared, never)
    expect(left).toHaveLength(prepared.users.length)
  })

  test('whose request throws fail in class check', async () => {
    const broken: Journey = { ...account, before: [{ name: 'b', request: () => { throw new Error('no such\nthing') } }] }
    expect(await prepareUsers(planFor('http://127.0.0.1:1'), [broken], 1, never)).toMatchObject({ state: 'failed', step: 'account/b', class: 'check', message: 'request threw: no such thing' })
  })

  test('stop being prepared when interrupted, and what could not be released is told', async () => {
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

// In a process of its own: vitest would load the module in its own way, with errors of its own.
const loader = `const { loadJourneys } = await import(process.argv[1])
console.log(JSON.stringify(await loadJourneys(process.argv[2])))
process.exit(0)`

async function loadInNode(file: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', loader, join(import.meta.dirname, 'index.ts'), file])
  const result: unknown = JSON.parse(stdout)
  return result
}

async function loaded(source: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-journeys-'))
  endings.push(async () => rm(folder, { recursive: true }))
  const file = join(folder, 'journeys.ts')
  await writeFile(file, source)
  return loadInNode(file)
}

describe('a journeys module', () => {
  test('is imported as it is, TypeScript and all', async () => {
    const source = 'const name: string = "a"\nexport default [{ name, steps: [{ name: "s", request: () => ({ method: "GET", path: "/" }) }] }]'
    expect(await loaded(source)).toMatchObject({ state: 'loaded', journeys: [{ name: 'a' }] })
  })
  test.each([
    ['throws', 'const a = 1\nthrow new Error("no\\nway")', /^\S+journeys\.ts: line 2: no$/],
    ['is no JavaScript', 'const a = 1\nexport default [\n  { name: }\n]', /^\S+journeys\.ts: line 3: .+/],
    ['needs more than its types stripped', 'enum A { B }\nexport default []', /^\S+journeys\.ts: line 1: .*enum/],
    ['imports what is not there', 'import "./gone.ts"', /^\S+journeys\.ts: .*gone\.ts/],
    ['exports nothing', 'export const a = 1', /has no default export/],
    ['exports something else', 'export default { a: 1 }', /found object, expected an array/],
    ['has steps without requests', 'export default [{ name: "a", steps: [{ name: "b" }] }]', /\[0\]\.steps\[0\]\.request: found undefined, expected a function/],
  ])('that %s is one line with its file', async (_, source, expected) => {
    expect(await loaded(source)).toMatchObject({ state: 'misused', reason: expect.stringMatching(expected) })
  })
  test('that is not there is said to be so', async () => {
    expect(await loadInNode('/no/such/journeys.ts')).toEqual({ state: 'misused', reason: '/no/such/journeys.ts: not found' })
  })
})
