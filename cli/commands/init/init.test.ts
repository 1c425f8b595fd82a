import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../../config/index.ts'
import { sendRequest } from '../../../journeys/client/index.ts'
import { measureSuite } from '../../shared/measure.ts'
import { runInWorld } from '../../testing/world.ts'
import type { Said } from '../../testing/world.ts'
import type { World } from '../../shared/world.ts'
import type { InitOptions } from './command.ts'
import { exploreResource } from './explore.ts'
import { findServices, isLoopback } from './find.ts'
import { groupByResource, toIdentifier } from './names.ts'
import { readOperations } from './openapi.ts'
import { init } from './run.ts'
import { shopDocument, startShop } from './testing/shop.ts'
import type { Shop } from './testing/shop.ts'

let folder = ''
let shops: Shop[] = []
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vigil-init-'))))
afterEach(async () => {
  for (const shop of shops) await shop.stop()
  shops = []
  rmSync(folder, { recursive: true, force: true })
})

async function start(document?: object, host?: string): Promise<Shop> {
  const shop = await startShop(document, host)
  shops.push(shop)
  return shop
}

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8')

async function run(
  url: string | undefined,
  options: Partial<InitOptions> = {},
  changes: Partial<World> = {},
  measureLoad = measureAs([]),
): Promise<Said & { error: string }> {
  let error = ''
  const said = await runInWorld(
    folder,
    async (world) => {
      try {
        return await init(url, { yes: true, gate: false, measure: 0.4, ...options }, world, measureLoad)
      } catch (thrown) {
        error = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
        return 2
      }
    },
    { now: Date.now, random: Math.random, pid: process.pid, env: { PATH: process.env['PATH'] }, ...changes },
  )
  return { ...said, error }
}

/** Measures, and calls the result valid but for these reasons, however busy the machine was. */
function measureAs(reasons: string[]): typeof measureSuite {
  return async (...args) => {
    const judged = await measureSuite(...args)
    return { ...judged, run: { ...judged.run, validity: { valid: reasons.length === 0, reasons } } }
  }
}

/** Journeys as their names of steps. */
async function readJourneys(): Promise<Record<string, string[]>> {
  const loaded = await loadConfig(folder, 'vigil.config.ts')
  if (loaded.state !== 'ok') throw new Error(loaded.problem)
  return Object.fromEntries(
    loaded.loaded.journeys.map(({ name, steps }) => [name, steps.map((step) => step.name)]),
  )
}

describe('vigil init', () => {
  it('writes no budgets from a measurement that was not valid, and says why', async () => {
    const shop = await start(shopDocument)
    await run(shop.url, {}, {}, measureAs(['the load generator was starved of CPU']))
    const config = read('vigil.config.ts')
    expect(config).toMatch(
      /\n {2}\/\/ No budgets: .* was not good enough \(the load generator was starved of CPU\)\./,
    )
    expect(config).toMatch(/\n {2}\/\/ budgets: \{ p95Ms: 500, errorRate: 0\.001 \},/)
  })

  it('writes what was answered as journeys, and what was not as comments with the reason', async () => {
    const shop = await start(shopDocument)
    const { code, stdout, stderr, error } = await run(shop.url)
    expect({ code, error, stderr }).toMatchObject({ code: 0, error: '' })
    expect(await readJourneys()).toEqual({
      items: ['list', 'create', 'read', 'get-reviews', 'replace', 'delete'],
      health: ['get-health'],
    })
    const journeys = read('vigil/journeys.ts')
    // The name must be unique, which only sending it twice shows; the id comes from the answer.
    expect(journeys).toContain('name: `string ${unique}`')
    expect(journeys).toContain("save: ({ json }: { json: unknown }) => ({ itemId: pick(json, 'id') })")
    expect(journeys).toMatch(/\/\/ GET \/api\/v1\/broken: status 500\n/)
    expect(journeys).toMatch(/\/\/ GET \/api\/v1\/me: needs credentials \(bearer\).*--token VARIABLE\n/)
    expect(journeys).toMatch(
      /\/\/ DELETE \/api\/v1\/orders\/\{orderId\}: changes only what the journey created/,
    )
    const config = read('vigil.config.ts')
    expect(config).toMatch(/\/\/ Measured on \d{4}-\d\d-\d\d in 0\.4 s on this machine: p95 [\d.]+ ms/)
    expect(config).toMatch(/\n {2}budgets: \{ p95Ms: \d+, meanMs: \d+, errorRate: 0\.0/)
    expect(config).toContain("ready: '/api/v1/health'")
    expect(read('.gitignore')).toBe('.vigil/\n')
    expect(read('.github/workflows/vigil.yml')).toContain('run: npx vigil gate --target "$VIGIL_TARGET"')
    expect(stdout).toMatch(/^written {3}vigil\/journeys\.ts +2 journeys, 7 steps; 4 requests/m)
    expect(existsSync(join(folder, '.vigil/init'))).toBe(false)
    // What existed before is neither changed nor deleted.
    expect(shop.requests.filter((line) => /^(?:PUT|DELETE) \S+\/1$/.test(line))).toEqual([])
  })

  it('takes values from recorded answers, and writes neither cookies nor tokens', async () => {
    const shop = await start()
    const entry = (
      method: string,
      path: string,
      status: number,
      answer: unknown,
      sent?: unknown,
    ): object => ({
      request: {
        method,
        url: `https://shop.example/api/v1${path}`,
        headers: [{ name: 'Cookie', value: 'session=hush-hush' }],
        ...(sent !== undefined && { postData: { mimeType: 'application/json', text: JSON.stringify(sent) } }),
      },
      response: { status, content: { mimeType: 'application/json', text: JSON.stringify(answer) } },
    })
    const entries = [
      entry('POST', '/items', 201, { id: 77, name: 'lamp' }, { name: `lamp ${Date.now()}` }),
      entry('GET', '/items/77', 200, { id: 77, name: 'lamp' }),
      entry('GET', '/items?access_token=hush-hush', 200, []),
      entry('DELETE', '/items/77', 204, ''),
      entry('DELETE', '/items/1', 204, ''),
      entry('GET', '/old', 301, ''),
      { ...entry('GET', '/logo', 200, ''), response: { status: 200, content: { mimeType: 'image/png' } } },
    ]
    write('shop.har', JSON.stringify({ log: { entries } }))
    const { code, error, stderr } = await run(shop.url, { har: 'shop.har' })
    expect({ code, error, stderr }).toMatchObject({ code: 0, error: '' })
    expect(await readJourneys()).toEqual({ recorded: ['post-items', 'get-items', 'delete-items'] })
    const text = read('vigil/journeys.ts')
    expect(text).toContain('path: `/api/v1/items/${encodeURIComponent(String(itemsId))}`')
    expect(text).not.toContain('hush-hush')
    expect(text).toMatch(/\/\/ DELETE \/api\/v1\/items\/1: changes only what the journey created/)
    expect(text).toMatch(/\/\/ GET \/api\/v1\/old: was answered with 301/)
    expect(text).not.toContain('logo')
    expect(shop.requests.some((line) => line === 'DELETE /api/v1/items/1')).toBe(false)
  })

  it('sends a service elsewhere only reading requests', async (context) => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((found) => found?.family === 'IPv4' && !found.internal)?.address
    context.skip(address === undefined, 'this machine has only the loopback address')
    const shop = await start(shopDocument, address)
    expect(isLoopback(shop.url)).toBe(false)
    const { code, stderr, error } = await run(shop.url)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(shop.requests.filter((line) => !line.startsWith('GET '))).toEqual([])
    expect(stderr).toContain('only reading requests are sent')
    expect(read('vigil/journeys.ts')).toContain(
      '// POST /api/v1/items: writes, and the service is not on this machine',
    )
    expect(read('vigil.config.ts')).toContain('load: { connections: 1 }')
  })

  it('uses a token by its variable, and writes only the name', async () => {
    const shop = await start(shopDocument)
    const env = { SHOP_TOKEN: 'let-me-in', PATH: process.env['PATH'] }
    const { code, error } = await run(shop.url, { token: 'SHOP_TOKEN', resource: ['me'] }, { env })
    expect({ code, error }).toEqual({ code: 0, error: '' })
    expect(read('vigil/journeys.ts')).toContain('authorization: `Bearer ${secrets.SHOP_TOKEN}`')
    expect(read('vigil.config.ts')).toContain("secrets: ['SHOP_TOKEN']")
    expect(read('vigil/journeys.ts') + read('vigil.config.ts')).not.toContain('let-me-in')
  })

  it('keeps journeys, a workflow and a .gitignore that exist', async () => {
    const shop = await start()
    write(
      'vigil/journeys.ts',
      "const request = () => ({ method: 'GET', path: '/health' })\n" +
        "export default [{ name: 'mine', steps: [{ name: 'a', request }] }]",
    )
    write('.github/workflows/vigil.yml', 'mine')
    write('.gitignore', 'node_modules')
    const before = read('vigil/journeys.ts')
    const { code, stdout } = await run(shop.url)
    expect(code).toBe(0)
    expect(read('vigil/journeys.ts')).toBe(before)
    expect(read('.github/workflows/vigil.yml')).toBe('mine')
    expect(read('.gitignore')).toBe('node_modules\n.vigil/\n')
    expect(await readJourneys()).toEqual({ mine: ['a'] })
    expect(stdout).toMatch(/^kept {6}vigil\/journeys\.ts/m)
    expect(stdout).toMatch(/^extended {2}\.gitignore/m)
  })

  it('writes nothing when the answer is no, or when no request was answered', async () => {
    const shop = await start(shopDocument)
    const questions: string[] = []
    const ask = async (question: string): Promise<string> => (questions.push(question), 'n')
    const no = await run(shop.url, { yes: false, resource: ['health'] }, { ask })
    expect([no.code, no.stderr]).toEqual([0, expect.stringContaining('nothing was written')])
    expect(questions).toEqual([expect.stringContaining('Write vigil.config.ts')])
    const none = await run(shop.url, { resource: ['broken', 'me'] })
    expect([none.code, none.stderr]).toEqual([4, expect.stringContaining('nothing was written')])
    expect(existsSync(join(folder, 'vigil.config.ts'))).toBe(false)
  })
})

describe('vigil init refuses in one line', () => {
  it.each<[string, string, RegExp]>([
    ['empty.yaml', '', /empty\.yaml: expected an OpenAPI document, got an empty file$/],
    ['page.html', '<html></html>', /page\.html: expected an OpenAPI 3\.0 or 3\.1 document$/],
    ['bad.json', '{"openapi":', /bad\.json: not JSON: /],
    ['bad.yaml', 'openapi: "3.1.0\npaths: [', /bad\.yaml: not YAML: /],
    ['old.json', '{"swagger":"2.0"}', /old\.json: expected OpenAPI 3\.0 or 3\.1, got Swagger 2\.0/],
    [
      'next.json',
      '{"openapi":"4.0.0","paths":{}}',
      /next\.json: openapi: expected 3\.0 or 3\.1, got "4\.0\.0"$/,
    ],
    ['none.json', '{"openapi":"3.1.0","paths":{}}', /none\.json: paths: expected operations, got none$/],
    [
      'shape.json',
      '{"openapi":"3.1.0","paths":{"/a":{"get":{"parameters":7}}}}',
      /shape\.json: paths\["\/a"\]\.get\.parameters: /,
    ],
    ['self.json', '{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/paths/~1a"}}}', /self\.json: /],
    [
      'gone.json',
      '{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/x/y"}}}',
      /gone\.json: a reference \(\$ref\) cannot be resolved/,
    ],
    ['laughs.yaml', laughs(), /laughs\.yaml: not YAML: .*alias/i],
  ])('%s', async (name, text, problem) => {
    const shop = await start()
    write(name, text)
    const { error } = await run(shop.url, { openapi: name })
    expect(error).toMatch(/^UsageError: [^\n]*$/)
    expect(error).toMatch(problem)
    expect(existsSync(join(folder, 'vigil.config.ts'))).toBe(false)
  })

  it.each<[string, Partial<InitOptions>, RegExp]>([
    ['a missing file', { openapi: 'missing.yaml' }, /--openapi missing\.yaml: file not found$/],
    ['a folder', { openapi: '.' }, /--openapi \.: is a folder$/],
    ['two sources', { openapi: 'a', har: 'b' }, /expected one of them, got both$/],
    ['no terminal', { yes: false }, /no terminal is there to answer init's questions: run it with --yes$/],
    ['a token that is not set', { token: 'NO_SUCH' }, /--token NO_SUCH: expected a token/],
    ['an unknown resource', { resource: ['nothing'] }, /--resource nothing: .*there are: items, orders/],
    ['a command that ends', { command: 'exit 3' }, /something answers at \S+ already: stop it/],
  ])('%s', async (_, options, problem) => {
    const shop = await start(shopDocument)
    const { error } = await run(shop.url, options)
    expect(error).toMatch(/^UsageError: [^\n]*$/)
    expect(error).toMatch(problem)
  })

  it('a config that exists, in any of its forms', async () => {
    for (const name of ['vigil.config.ts', 'vigil.config.mjs']) {
      write(name, 'mine')
      expect((await run('http://127.0.0.1:1')).error).toMatch(/exists already, and init never overwrites/)
      expect(read(name)).toBe('mine')
      rmSync(join(folder, name))
    }
  })

  it('a service that is down: exit 4', async () => {
    const shop = await start()
    await shop.stop()
    const { code, stderr } = await run(shop.url)
    expect([code, stderr]).toEqual([
      4,
      expect.stringMatching(/^vigil: the target at \S+ cannot be reached[^\n]*\n$/),
    ])
  })
})

function laughs(): string {
  const lines = Array.from(
    { length: 30 },
    (_, index) => `l${index + 1}: &l${index + 1} [*l${index}, *l${index}]`,
  )
  return ['openapi: 3.1.0', 'l0: &l0 [x, x]', ...lines, 'paths: *l30'].join('\n')
}

describe('an OpenAPI document', () => {
  it('of 10 MB is read in seconds', async () => {
    const paths = Object.fromEntries(
      Array.from({ length: 4000 }, (_, index) => [
        `/r${index}/{id}`,
        { get: { description: 'x'.repeat(2500), responses: { 200: { $ref: '#/components/responses/Ok' } } } },
      ]),
    )
    const document = { openapi: '3.0.3', paths, components: { responses: { Ok: { description: 'ok' } } } }
    expect(JSON.stringify(document).length).toBeGreaterThan(10e6)
    expect(await readOperations(document, 'large.json')).toHaveLength(4000)
  })

  it('links an answer to a parameter of another name', async () => {
    const shop = await start()
    const link = { operationId: 'one', parameters: { thing: '$response.body#/items/0/id' } }
    const operations = await readOperations(
      {
        openapi: '3.0.0',
        paths: {
          '/api/v1/items': { get: { responses: { 200: { description: 'ok', links: { one: link } } } } },
          '/api/v1/items/{thing}': {
            get: {
              operationId: 'one',
              parameters: [{ name: 'thing', in: 'path', required: true }],
              responses: { 200: { description: 'ok' } },
            },
          },
        },
      },
      'links.json',
    )
    const signal = AbortSignal.timeout(10_000)
    const limits = { timeoutMs: 5000, maxBodyBytes: 1e6, purpose: 'test', signal }
    const journey = await exploreResource('items', groupByResource(operations).get('items') ?? [], {
      send: async (request) => sendRequest(shop.url, request, limits),
      run: 'run',
      allowWrites: false,
      secrets: {},
      token: undefined,
    })
    expect(journey.candidates).toEqual([])
    expect(journey.steps.map(({ name, saves }) => [name, saves])).toEqual([
      ['list', { thing: ['items', '0', 'id'] }],
      ['read', {}],
    ])
  })
})

it.each([
  ['itemId', 'itemId'],
  ['item_id', 'itemId'],
  ['class', 'savedClass'],
  ['secrets', 'savedSecrets'],
  ['2nd', 'saved2nd'],
  ['', 'saved'],
])('the parameter %j is saved as %s', (name, expected) => {
  expect(toIdentifier(name)).toBe(expected)
})

it('a service is found on the ports that answer, and only there', async () => {
  const shop = await start()
  const port = Number(new URL(shop.url).port)
  expect(await findServices([port, 1], AbortSignal.timeout(10_000))).toEqual([shop.url])
})

it.each([
  ['http://127.0.0.1:3000', true],
  ['http://localhost', true],
  ['http://[::1]:80', true],
  ['http://api.localhost', true],
  ['http://127.0.0.1.example.org', false],
  ['http://localhost.example.org', false],
  ['http://10.0.0.1', false],
  ['https://example.org', false],
])('%s is on this machine: %s', (url, expected) => {
  expect(isLoopback(url)).toBe(expected)
})
