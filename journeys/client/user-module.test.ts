import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

// Vitest transforms what it imports, so each module is loaded by Node itself.
const loader = fileURLToPath(new URL('user-module.ts', import.meta.url))
let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'vigil-module-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function load(files: Record<string, string>, entry: string): unknown {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const script = `import { importUserModule } from ${JSON.stringify(loader)}
const { default: value } = await importUserModule(${JSON.stringify(join(folder, entry))})
process.stdout.write(JSON.stringify(value))`
  const stdout = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return JSON.parse(stdout)
}

const esModule = "import { path } from './lib/path.js'\nexport default [path]\n"
const typed =
  "import type { Stats } from 'node:fs'\nimport { path } from './lib/path.ts'\n" +
  'const stats: Stats | undefined = undefined\nexport default [path, stats === undefined]\n'

describe("a user's module", () => {
  const types = [
    ['no package.json', {}],
    ['"type": "commonjs"', { 'package.json': '{"type":"commonjs"}' }],
    ['"type": "module"', { 'package.json': '{"type":"module"}' }],
    ['a package.json without a type', { 'package.json': '{}' }],
  ] as const

  it.each(types)('with import and export loads in .ts, .mts and .js below %s', (_what, description) => {
    const lib = {
      'lib/path.js': "export const path = '/'\n",
      'lib/path.ts': "export const path: string = '/'\n",
    }
    expect(load({ ...description, ...lib, 'a.js': esModule }, 'a.js')).toEqual(['/'])
    for (const name of ['a.ts', 'a.mts']) expect(load({ ...lib, [name]: typed }, name)).toEqual(['/', true])
  })

  it.each(types.slice(0, 2))('that is CommonJS stays so below %s', (_what, description) => {
    const files = {
      ...description,
      'a.js':
        "const { path } = require('./b.cjs')\n// export default nothing\n" +
        'module.exports = [path, typeof module]\n',
      'b.cjs': "exports.path = '/export'\n",
    }
    expect(load(files, 'a.js')).toEqual(['/export', 'object'])
  })

  it('is imported by its real path: what it imports lies next to the file, not to a link to it', () => {
    load({ 'real/a.js': esModule, 'real/lib/path.js': "export const path = '/'\n" }, 'real/a.js')
    symlinkSync(join(folder, 'real', 'a.js'), join(folder, 'link.js'))
    expect(load({}, 'link.js')).toEqual(['/'])
  })

  it('below node_modules is read as Node reads it', () => {
    const dependency = {
      'node_modules/dep/package.json': '{"name":"dep","main":"index.js"}',
      'node_modules/dep/index.js': 'exports.value = typeof module\n',
    }
    const module = "import { value } from 'dep'\nexport default value\n"
    expect(load({ 'package.json': '{"type":"commonjs"}', 'a.ts': module, ...dependency }, 'a.ts')).toBe(
      'object',
    )
  })
})
