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
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { runProgram } from '../runtime/processes/index.ts'
import { createManifest } from './manifest.ts'
import { collectSources, entries } from './sources.ts'
import type { PackageSources } from './sources.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
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
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  const sources = collectSources(root, Object.keys(manifest.dependencies))
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
    cpSync(join(root, path), join(folder, path), { recursive: true, filter: (file) => !/\.tsx?$/.test(file) })
  cpSync(join(root, 'record/schemas'), join(folder, 'schemas'), { recursive: true })
  cpSync(join(root, 'package/bin'), join(folder, 'bin'), { recursive: true })
  for (const [from, to] of [
    ['package/README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
    ['CHANGELOG.md', 'CHANGELOG.md'],
  ] as const)
    cpSync(join(root, from), join(folder, to))
  const folders = readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory())
  put('package.json', `${JSON.stringify(createManifest(manifest, sources.packages, folders), null, 2)}\n`)
  rmSync(emitted, { recursive: true })
  return sources
}

async function compile(code: readonly string[], outDir: string, env: NodeJS.ProcessEnv): Promise<void> {
  // Types of packages that have none.
  const declarations = globSync('**/*.d.ts', { cwd: root, exclude: ['**/node_modules', '.vigil'] })
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir,
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: [...code, ...declarations].map((path) => join(root, path)),
    include: [],
  }
  mkdirSync(outDir, { recursive: true })
  const file = join(outDir, 'tsconfig.json')
  writeFileSync(file, JSON.stringify(config))
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const ran = await runProgram(process.execPath, [tsc, '-p', file], {
    timeoutMs: compilerTimeoutMs,
    cwd: root,
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

if (import.meta.main) {
  const { positionals } = parseArgs({ allowPositionals: true })
  const folder = resolve(positionals[0] ?? join(root, '.vigil/package'))
  if (existsSync(folder) && !existsSync(join(folder, 'package.json')))
    throw new Error(`${folder}: exists and is not a package: name another folder`)
  const { code, packages } = await buildPackage(folder, process.env)
  process.stdout.write(`${folder}: ${code.length} modules, ${packages.length} packages\n`)
}
