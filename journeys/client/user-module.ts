import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Script } from 'node:vm'
import { decodeText } from '../../record/store/index.ts'

/**
 * Imports a module that a user wrote: a config or journeys. A module with `import` or `export` is an ES
 * module even where the nearest package.json says `"type": "commonjs"`, as `npm init` writes: k6 and bundlers
 * read it so, too. Others stay CommonJS. The same holds for the modules that it imports, except packages.
 *
 * @param file absolute; Node imports it by its real path, so that one file is one module
 */
export async function importUserModule(file: string): Promise<{ default?: unknown }> {
  readEsModulesAnywhere()
  const module: { default?: unknown } = await import(pathToFileURL(file).href)
  return module
}

let isReading = false

// Once a process: each import of the user's then goes through it.
function readEsModulesAnywhere(): void {
  if (isReading) return
  isReading = true
  registerHooks({
    load: (url, context, nextLoad) => {
      if (!isUserSource(url)) return nextLoad(url, context)
      const source = decodeText(readFileSync(fileURLToPath(url)), fileURLToPath(url))
      const isTypeScript = url.endsWith('ts')
      if (!hasModuleSyntax(source, isTypeScript)) return nextLoad(url, context)
      return { format: isTypeScript ? 'module-typescript' : 'module', source, shortCircuit: true }
    },
  })
}

/** `.mts` and `.mjs` are ES modules, and `.cts` and `.cjs` CommonJS, whatever package.json says. */
function isUserSource(url: string): boolean {
  return url.startsWith('file:') && /\.[jt]s$/.test(url) && !url.includes('/node_modules/')
}

// The messages with which V8 refuses an ES module as a script; Node recognises one in the same way.
const refusals =
  /^(Cannot use import statement outside a module|Unexpected token 'export'|Cannot use 'import\.meta' outside a module)$/

/** A line that only an ES module has; TypeScript's `export =` and `import x = require()` are not erasable. */
const moduleLine = /^[ \t]*(import\s*["'{*]|import\s[^=(]+\sfrom\s|export\s*[{*]|export\s+[a-z])/m

function hasModuleSyntax(source: string, isTypeScript: boolean): boolean {
  if (!/\b(import|export)\b/.test(source)) return false
  // V8 cannot parse types, and Node's own removal of them prints a warning.
  if (isTypeScript) return moduleLine.test(source) && !/\bmodule\.exports\b/.test(source)
  try {
    // A module's top level may `await`, a function's may not: in one that is async both can be read.
    void new Script(`(async function (exports, require, module, __filename, __dirname) {${source}\n})`)
    return false
  } catch (error) {
    return error instanceof SyntaxError && refusals.test(error.message)
  }
}
