import { isUtf8 } from 'node:buffer'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { request as playwrightRequest } from '@playwright/test'
import { autocannonEngine } from '../load/engines/autocannon/index.ts'
import { createK6Engine } from '../load/engines/k6/index.ts'
import type { Engine, LoadPlan } from '../load/index.ts'
import { playSteps } from './client/index.ts'
import { createPlaywrightSender } from '../synthetics/browser/journey-test.ts'
import { runProbes } from '../synthetics/index.ts'
import { requireTool } from '../runtime/tools/index.ts'
import { startContext } from './index.ts'
import type { Journey } from './index.ts'
import { encodings, expected, headersThatMatter, secrets } from './testing/contract.ts'
import type { Arrived } from './testing/contract.ts'

/*
 * The same journey is the same traffic in a probe, Playwright, k6 and autocannon. A server records the
 * requests; `x-unique`, which each journey sends, distinguishes them.
 */

const source = `
import { cookieHeader, saveCookies } from ${JSON.stringify(new URL('cookies.ts', import.meta.url).href)}
const mark = (ctx) => ({ 'X-Unique': ctx.unique })
const get = (name, path, more = {}) =>
  ({ name, request: (ctx) => ({ method: 'GET', path, headers: mark(ctx) }), ...more })
const json = (ctx) => ({
  method: 'post', path: '/things', headers: { ...mark(ctx), Authorization: 'Bearer t' },
  json: { text: 'ä \\u2028 "', n: 1.5, none: undefined, list: [null] },
})
const saved = (ctx) => ({
  method: 'PATCH', path: '/things/' + ctx.id, headers: { ...mark(ctx), 'If-Match': ctx.tag },
  json: { id: ctx.id },
})
const raw = (ctx) => ({
  method: 'PUT', path: '/raw', body: 'a,ü\\n"1"',
  headers: { ...mark(ctx), 'User-Agent': 'me', 'Content-Type': 'text/csv' },
})
const bare = (ctx) => ({ method: 'DELETE', path: '/things/' + ctx.id, headers: mark(ctx) })
const authorized = (ctx) => ({ ...mark(ctx), Authorization: ctx.token })
const keyed = (method) => (ctx) => (
  { method, path: '/keyed', headers: { ...mark(ctx), Authorization: 'Key ' + ctx.secrets.API_KEY } }
)
const login = (ctx) => ({ method: 'POST', path: '/login', headers: mark(ctx), json: { user: ctx.user } })
const expectEmpty = (response) =>
  response.status === 204 && response.text === '' ? undefined : 'status ' + response.status
const expectWord = (word) => (response) =>
  response.json.word === word ? undefined : 'word is ' + response.json.word
const expectNoText = ({ text }) => (text === '' ? undefined : 'found ' + text)
const readsWord = ({ text, json }) => (text[0] === '{' && json.word === 'ä ☃' ? undefined : text)
const getEncoded = (name, index) =>
  get('encoded-' + index, '/encoded/' + encodeURIComponent(name), { check: readsWord })
const head = (ctx) => ({ method: 'HEAD', path: '/encoded/gzip', headers: mark(ctx) })
export default [
  { name: 'encoded', steps: [
    { name: 'head', request: head, check: expectNoText }, ...${JSON.stringify(encodings)}.map(getEncoded),
    get('then', '/after-encoded'),
  ] },
  { name: 'bodies', steps: [
    { name: 'json', request: json, save: ({ json, headers }) => ({ id: json.id, tag: headers.etag }) },
    { name: 'saved', request: saved },
    { name: 'raw', request: raw },
    { name: 'bare', request: bare, check: expectEmpty },
  ] },
  { name: 'forms', steps: [
    { name: 'form', request: (ctx) => ({ method: 'POST', path: '/form', headers: mark(ctx),
      form: { name: 'ä b&c=\\'~', list: [1, true] } }) },
    { name: 'text', request: (ctx) => ({ method: 'POST', path: '/upload', headers: mark(ctx),
      multipart: { title: 'ü', file: { filename: 'a".csv', type: 'text/csv', text: 'a,b' } } }) },
    { name: 'bytes', request: (ctx) => ({ method: 'POST', path: '/upload/bytes', headers: mark(ctx),
      multipart: { file: { filename: 'a.bin', base64: '/wD+gA==' } } }) },
  ] },
  { name: 'cookies', steps: [
    { name: 'sets', request: (ctx) => ({ method: 'GET', path: '/cookies', headers: mark(ctx) }),
      save: (response, ctx) => ({ cookies: saveCookies(response, { old: '1', keep: '2' }) }) },
    { name: 'sends', request: (ctx) => ({ method: 'GET', path: '/after-cookies',
      headers: { ...mark(ctx), ...cookieHeader(ctx.cookies) } }) },
  ] },
  { name: 'paths', steps: [
    get('query', '/search?q=a%20b&c=d#not-sent'), get('unicode', '/ü/☃?x=ü y'), get('slashless', 'relative'),
  ] },
  { name: 'ends-early', steps: [
    get('first', '/before-500'), get('fails', '/status/500'), get('never', '/never'),
  ] },
  { name: 'check-fails', steps: [
    get('first', '/checked', { check: expectWord('other') }), get('never', '/never'),
  ] },
  { name: 'no-redirect', steps: [
    get('moved', '/redirect', { status: 302 }), get('then', '/after-redirect'),
  ] },
  { name: 'any-2xx', steps: [
    get('made', '/status/201'), get('none', '/status/299'), get('then', '/after-2xx'),
  ] },
  { name: 'one-of', steps: [
    get('gone', '/status/410', { status: [404, 410], check: expectWord('this') }), get('then', '/after-one-of'),
  ] },
  { name: 'only-201', steps: [get('ok', '/status/200', { status: 201 }), get('never', '/never')] },
  { name: 'checked-500', steps: [
    get('bad', '/checked/500', { check: () => undefined }), get('never', '/never'),
  ] },
  { name: 'checked-302', steps: [get('moved', '/checked/302', { save: () => ({}) }), get('never', '/never')] },
  { name: 'listed-and-checked', steps: [
    get('gone', '/listed/404', { status: 404, check: expectWord('other') }), get('never', '/never'),
  ] },
  { name: 'no-cookies', steps: [get('sets', '/cookie'), get('then', '/after-cookie')] },
  {
    name: 'secret',
    before: [{ name: 'enter', request: keyed('POST') }],
    steps: [{ name: 'use', request: keyed('PUT') }],
    after: [{ name: 'leave', request: keyed('PATCH') }],
  },
  {
    name: 'prepared',
    before: [{ name: 'login', request: login, save: (response) => ({ token: response.json.id }) }],
    steps: [{ name: 'uses', request: (ctx) => ({ method: 'GET', path: '/uses', headers: authorized(ctx) }) }],
    after: [{
      name: 'logout', request: (ctx) => ({ method: 'DELETE', path: '/login', headers: authorized(ctx) }),
    }],
  },
]
`

interface Recorded extends Arrived {
  unique: string
}

const boundary = /vigil-boundary-[\w-]+?(?=--\r|\r|$)/g

let arrived: Recorded[] = []
const server: Server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request
    .on('data', (chunk: Buffer) => chunks.push(chunk))
    .on('end', () => {
      const bytes = Buffer.concat(chunks)
      // The boundary contains the unique value.
      const body = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1').replaceAll(boundary, 'BOUNDARY')
      const headers = Object.fromEntries(
        headersThatMatter.map((name) => [name, request.headers[name]?.toString()]),
      )
      if (body.includes('BOUNDARY')) headers['content-length'] = String(Buffer.byteLength(body))
      headers['content-type'] = headers['content-type']?.replace(boundary, 'BOUNDARY')
      // No body equals an empty one, with or without a content-length.
      if (body === '') headers['content-length'] = undefined
      headers['user-agent'] = headers['user-agent']?.replace(/^vigil\/[\d.]+ \([a-z0-9 ]+\)$/, 'vigil')
      arrived.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers,
        body,
        unique: String(request.headers['x-unique']),
      })
      const path = (request.url ?? '').replace('/base', '')
      if (path.startsWith('/encoded/')) return answerEncoded(decodeURIComponent(path.slice(9)), response)
      if (path === '/redirect') return response.writeHead(302, { location: '/elsewhere' }).end()
      if (path === '/cookies')
        response.setHeader('set-cookie', [
          'session=a=b; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly',
          'theme="dark, blue"; Max-Age=60',
          'old=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
        ])
      if (path === '/cookie') response.setHeader('set-cookie', 'session=1; Path=/')
      if (request.method === 'DELETE') return response.writeHead(204).end()
      response.writeHead(Number(/\/(\d{3})$/.exec(path)?.[1] ?? 200), {
        'content-type': 'application/json',
        etag: '"7"',
      })
      return response.end(JSON.stringify({ id: 'id-1', word: 'this' }))
    })
})

const mark = '\uFEFF'
const word = '{"word":"ä ☃"}'
function answerEncoded(name: string, response: ServerResponse): void {
  const bodies: Record<string, Buffer> = {
    gzip: gzipSync(word),
    br: brotliCompressSync(word),
    zstd: zstdCompressSync(word),
    deflate: deflateSync(word),
    'deflate, gzip': gzipSync(deflateSync(word)),
    'gzip-bom': gzipSync(mark + word),
    bom: Buffer.from(mark + word),
  }
  const encoding = name === 'gzip-bom' ? 'gzip' : name
  if (name !== 'bom') response.setHeader('content-encoding', encoding)
  response.end(bodies[name] ?? word)
}

let folder: string
let url: string
let journeys: Journey[]

interface Player {
  name: string
  /** Plays all journeys; gives how many requests it says it made in measured steps, where it says so. */
  play: () => Promise<number | undefined>
  /** How often each journey is played, at least and at most. */
  each: [number, number]
  /** How many further requests of its last journey it may have made after the measured time. */
  uncounted?: number
}

async function byEngine(engine: Engine, load: LoadPlan['load'], durationMs: number): Promise<number> {
  const plan: LoadPlan = {
    run: `contract-${engine.name}`,
    suite: 'contract',
    targetUrl: `${url}/base/`,
    secrets,
    source: {
      kind: 'journeys',
      module: join(folder, 'journeys.mjs'),
      mix: journeys.map(({ name }) => ({ journey: name, weight: 1 })),
    },
    load,
    warmupMs: 0,
    durationMs,
    requestTimeoutMs: 5000,
  }
  const result = await engine.run(plan, {
    folder: mkdtempSync(join(folder, 'engine-')),
    signal: new AbortController().signal,
    progress: () => undefined,
    measuring: () => undefined,
  })
  if (result.state !== 'ok') throw new Error(JSON.stringify(result))
  return Object.values(result.measurement.endpoints).reduce((sum, endpoint) => sum + endpoint.requests, 0)
}

async function byProbe(): Promise<undefined> {
  const probes = Object.fromEntries(journeys.map(({ name }) => [name, { journey: name, attempts: 1 }]))
  await runProbes({
    targetUrl: `${url}/base/`,
    secrets,
    journeys,
    probes,
    run: 'contract',
    signal: new AbortController().signal,
    now: Date.now,
  })
}

async function byPlaywright(): Promise<undefined> {
  const { send, end } = createPlaywrightSender(
    async () => playwrightRequest.newContext(),
    `${url}/base/`,
    5000,
  )
  for (const journey of journeys) {
    const start = startContext(`contract-${journey.name}`, 0, 0, {}, secrets)
    const before = await playSteps(journey.before ?? [], start, send)
    const played = await playSteps(journey.steps, before.ctx, send)
    await playSteps(journey.after ?? [], played.ctx, send)
  }
  await end()
}

let k6Path: string
const players: Player[] = [
  { name: 'a probe', play: byProbe, each: [1, 1] },
  { name: 'Playwright', play: byPlaywright, each: [1, 1] },
  // Three of each of 17 journeys in a second; k6 may begin one more at the very end, and fewer on a machine that
  // stands still meanwhile.
  {
    name: 'k6',
    play: async () => byEngine(createK6Engine(k6Path), { model: 'arrival-rate', ratePerSecond: 51 }, 1000),
    each: [1, 4],
  },
  {
    name: 'autocannon',
    play: async () => byEngine(autocannonEngine(), { model: 'connections', connections: 1 }, 2000),
    each: [1, Infinity],
    uncounted: 9,
  },
]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-contract-'))
  writeFileSync(join(folder, 'journeys.mjs'), source)
  const module: { default: Journey[] } = await import(join(folder, 'journeys.mjs'))
  journeys = module.default
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  k6Path = await requireTool('k6')
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

describe.each(players)(
  '$name sends what the journeys say, and nothing else:',
  ({ play, each, uncounted = 0 }) => {
    let seen: Recorded[]
    let counted: number | undefined
    beforeAll(async () => {
      arrived = []
      counted = await play()
      seen = arrived
    })

    it.each(Object.entries(expected))('%s', (_name, contract) => {
      const iterations = [
        ...Map.groupBy(seen.filter(isFrom(contract.steps)), ({ unique }) => unique).values(),
      ].map((requests) => requests.map(withoutUnique))
      for (const iteration of iterations) expect(iteration).toEqual(contract.steps)
      expect(iterations.length).toBeGreaterThanOrEqual(each[0])
      expect(iterations.length).toBeLessThanOrEqual(each[1])
    })

    it('prepares each user before its first step, and releases it after its last', () => {
      const { before = [], steps, after = [] } = expected['prepared'] ?? { steps: [] }
      const [prepared, measured, released] = [before, steps, after].map((of) =>
        seen.flatMap((request, index) => (isFrom(of)(request) ? [index] : [])),
      )
      expect(prepared?.length).toBeGreaterThan(0)
      expect(prepared?.length).toBe(released?.length)
      expect(Math.max(...(prepared ?? []))).toBeLessThan(Math.min(...(measured ?? [])))
      expect(Math.min(...(released ?? []))).toBeGreaterThan(Math.max(...(measured ?? [])))
      const users = seen.filter(isFrom(before)).map(({ body }) => body)
      expect(new Set(users).size).toBe(users.length)
      for (const request of seen.filter(isFrom(after))) expect([withoutUnique(request)]).toEqual(after)
    })

    it('and counts what it sent', () => {
      const around = [expected['prepared'], expected['secret']].flatMap((journey) => [
        ...(journey?.before ?? []),
        ...(journey?.after ?? []),
      ])
      const measured = seen.filter((request) => !isFrom(around)(request))
      const more = measured.length - (counted ?? measured.length)
      expect(more).toBeGreaterThanOrEqual(0)
      expect(more).toBeLessThanOrEqual(uncounted)
      expect(measured.every(isFrom(Object.values(expected).flatMap(({ steps }) => steps)))).toBe(true)
    })
  },
)

function isFrom(list: readonly Arrived[]): (request: Arrived) => boolean {
  return (request) => list.some(({ method, path }) => method === request.method && path === request.path)
}

function withoutUnique({ unique: _unique, ...request }: Recorded): Arrived {
  return request
}
