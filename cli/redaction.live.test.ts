import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listPids, readCommandLine } from '../runtime/processes/index.ts'
import { workplace } from './testing/vigil.ts'

/* A target that echoes what it was sent, and checks that quote it: no output holds a secret. */
const apiKey = 'canary-key "ö/1"'
const user = 'canary-user'
const issued = 'canary-issued-token-1234567'
const place = workplace()
const commandLines = new Set<string>()

const server = createServer((request, response) => {
  noteCommandLines()
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(request.url === '/login' ? JSON.stringify({ it: issued }) : echo(request))
})
let url: string
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  place.remove()
})

let requests = 0
/** The arguments of all processes, at some of the requests: reading them takes a while. */
function noteCommandLines(): void {
  requests += 1
  if (requests % 20 === 1)
    for (const pid of listPids()) commandLines.add((readCommandLine(pid) ?? []).join(' '))
}

function echo({ headers, url: path }: IncomingMessage): string {
  const { authorization = '', cookie = '', 'x-key': key = '' } = headers
  return JSON.stringify({
    path,
    authorization,
    cookie,
    key,
    said: `${authorization.split(' ')[1]} ${String(key)}`,
  })
}

place.write(
  'journeys.mjs',
  `
const key = (ctx) => encodeURIComponent(ctx.secrets.API_KEY)
const login = {
  name: 'login', request: () => ({ method: 'POST', path: '/login' }), save: ({ json }) => json,
}
const dots = '.'.repeat(190)
const basic = (ctx) => ctx.secrets.BASIC
const quote = (name, headers, check) => ({ name, before: [login], steps: [{
  name: 'quote',
  request: (ctx) => ({ method: 'GET', path: '/?key=' + key(ctx), headers: headers(ctx) }),
  check,
}] })
export default [
  quote('bearer', (ctx) => ({ authorization: 'Bearer ' + ctx.it }), ({ json }) => 'said ' + json.said),
  quote('basic', (ctx) => ({ authorization: 'Basic ' + basic(ctx) }), ({ json }) => json.authorization + '!'),
  quote('cookie', (ctx) => ({ cookie: 'sid=' + ctx.it + '; a=1' }), ({ text }) => text),
  quote('header', (ctx) => ({ 'x-key': key(ctx) }), ({ json }) => decodeURIComponent(json.key)),
  quote('cut', (ctx) => ({ 'x-key': key(ctx) }), ({ json }) => dots + decodeURIComponent(json.key)),
  quote('throws', (ctx) => ({ authorization: ctx.it }), ({ text }) => {
    throw new Error(text)
  }),
]
`,
)
place.write(
  'script.js',
  `import http from 'k6/http'
import { check } from 'k6'
export const options = { vus: 1, iterations: 60 }
export default () => {
  const key = __ENV.API_KEY
  const headers = { authorization: 'Key ' + key }
  const response = http.get(__ENV.BASE_URL + '/' + encodeURIComponent(key), { headers })
  console.log(response.body)
  check(response, { ['expected ' + key]: () => false })
}`,
)

const names = ['bearer', 'basic', 'cookie', 'header', 'cut', 'throws']
const mix = Object.fromEntries(names.map((name) => [name, 1]))
const times = { warmupSeconds: 0, durationSeconds: 2 }
const env = {
  API_KEY: apiKey,
  BASIC: Buffer.from(`${user}:${apiKey}`).toString('base64'),
  SOME_TOKEN: issued.slice(0, 20),
}

it.each([
  ['probes', ['probe']],
  ['k6', ['load', 'k6']],
  ['autocannon', ['load', 'autocannon']],
  ["a user's script", ['load', 'script']],
])('%s', async (_what, args) => {
  place.configure({
    target: { url },
    secrets: ['API_KEY', 'BASIC'],
    probes: Object.fromEntries(names.map((journey) => [journey, { journey, attempts: 1 }])),
    suites: {
      k6: { engine: 'k6', journeys: mix, load: { ratePerSecond: 12 }, ...times },
      autocannon: { engine: 'autocannon', journeys: mix, load: { connections: 2 }, ...times },
      script: { engine: 'k6', script: './script.js', load: { ratePerSecond: 1 }, ...times },
    },
    budgets: { errorRate: 0.5 },
  })
  const before = requests
  for (const more of [[], ['--json']]) {
    const { code, stdout, stderr } = await place.vigil([...args, ...more], { env })
    expect([code, stderr]).toEqual([1, expect.any(String)])
    expect(findSecretsIn({ stdout, stderr })).toEqual([])
    expect(stdout).toContain('[redacted]')
  }
  expect(requests).toBeGreaterThan(before)
  expect(findSecretsIn(readAll(join(place.folder, '.vigil')))).toEqual([])
  expect(findSecretsIn({ arguments: [...commandLines].join('\n') })).toEqual([])
})

it.each([
  'http://canary-user:canary-pass@127.0.0.1:1/x',
  'ftp://canary-user:canary-pass@127.0.0.1:1/x',
  'http://canary-user:canary/p?a#ss@127.0.0.1:99999/x',
  'http://:canary%2Fpass@127.0.0.1/?q=1',
])('the message about --target %s', async (target) => {
  for (const args of [
    ['load', 'k6', '--target', target],
    ['probe', `--target=${target}`],
    ['ab', target, target],
  ]) {
    const { code, stdout, stderr } = await place.vigil(args, { env })
    expect(code).toBe(2)
    expect(stdout + stderr).not.toMatch(/canary/)
  }
})

/** In each text, what is left of a secret, in any of its forms. */
function findSecretsIn(texts: Record<string, string>): string[] {
  const forms = /canary|Y2FuYXJ5|NhbmFyeS|jYW5hcn/
  return Object.entries(texts).flatMap(([name, text]) => {
    const at = text.search(forms)
    return at === -1 ? [] : [`${name}: ${text.slice(Math.max(0, at - 60), at + 60)}`]
  })
}

function readAll(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), 'latin1'),
    ]),
  )
}
