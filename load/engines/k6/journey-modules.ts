import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/**
 * An import statement up to its path, which may be of several lines, and `with { type: 'json' }` after it.
 */
const importPattern =
  /((?:^|[;\n])[ \t]*(?:import|export)\b(?!\s+type\b)[^'"`;=()]*?|\bimport\(\s*)(['"])([^'"\n]+)\2(?:\s*(?:with|assert)\s*\{[^}]*\})?/g

interface Module {
  text: string
  /** Of the copy. */
  name: string
  /** Path in the source → the module's file. */
  imports: Map<string, string>
}

const maxModules = 2000

/**
 * Prepares journeys for k6, which resolves no npm package (`vigil-gate/journeys`), spins on a JSON import and
 * refuses types in `.mts`. If a module that the journeys import is such a one, all are copied into `folder`
 * with the paths that Node resolves. Otherwise k6 reads the journeys where they are.
 *
 * @param entry absolute path of the journeys module
 * @param folder for the copies; created when needed
 * @returns the URL of the module that k6 imports
 */
export async function prepareJourneyModules(entry: string, folder: string): Promise<string> {
  const modules = new Map<string, Module>()
  await collect(entry, modules)
  const isPlain = [...modules].every(
    ([file, { imports }]) => /\.[jt]s$/.test(file) && [...imports.keys()].every(isRelative),
  )
  if (isPlain) return pathToFileURL(entry).href
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const urlOf = (name: string): string => pathToFileURL(join(folder, name)).href
  for (const { name, text, imports } of modules.values()) {
    const copy = text.replaceAll(importPattern, (statement, head: string, quote: string, path: string) => {
      const target = imports.get(path)
      const known = target === undefined ? undefined : modules.get(target)
      return known === undefined ? statement : `${head}${quote}${urlOf(known.name)}${quote}`
    })
    await writeFile(join(folder, name), copy, { mode: 0o600 })
  }
  return urlOf(modules.get(entry)?.name ?? '')
}

/** The text of each module that the journeys consist of, by its file. */
export async function readModules(entry: string): Promise<Map<string, string>> {
  const modules = new Map<string, Module>()
  await collect(entry, modules)
  return new Map([...modules].map(([file, { text }]) => [file, text]))
}

async function collect(file: string, modules: Map<string, Module>): Promise<void> {
  if (modules.has(file) || modules.size >= maxModules) return
  const source = await readFile(file, 'utf8')
  const isJson = extname(file) === '.json'
  const text = isJson ? `export default ${source}\n` : source
  const ending = /\.[cm]?ts$/.test(file) ? 'ts' : 'js'
  const imports = new Map<string, string>()
  modules.set(file, { text, name: `${modules.size}.${ending}`, imports })
  if (isJson) return
  for (const [, , , path = ''] of text.matchAll(importPattern)) {
    const target = resolveImport(path, file)
    if (target !== undefined) imports.set(path, target)
  }
  for (const target of imports.values()) await collect(target, modules)
}

function isRelative(path: string): boolean {
  return /^(?:\.{0,2}\/|file:)/.test(path)
}

/** The file that Node imports; undefined for k6's own modules, URLs, and what k6 is to report as missing. */
function resolveImport(path: string, from: string): string | undefined {
  if (/^(?:https?|node|data):|^k6(?:\/|$)/.test(path)) return undefined
  try {
    const url = isRelative(path) ? new URL(path, pathToFileURL(from)) : undefined
    return url === undefined
      ? createRequire(from).resolve(path)
      : createRequire(from).resolve(fileURLToPath(url))
  } catch {
    return undefined
  }
}
