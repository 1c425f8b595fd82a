import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareJourneyModules } from './journey-modules.ts'

let folder: string
let copies: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vigil-modules-'))
  copies = join(folder, 'copies')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

/** The default export of the prepared journeys. */
async function prepare(entry: string): Promise<unknown> {
  const module: { default: unknown } = await import(await prepareJourneyModules(entry, copies))
  return module.default
}

describe('journeys for k6', () => {
  it('are read where they are when k6 can load them', async () => {
    write('shared.ts', 'export const name = "a"\n')
    const entry = write(
      'journeys.ts',
      "import { name } from './shared.ts'\nimport type { J } from 'vigil'\nexport default [name]\n",
    )
    expect(await prepareJourneyModules(entry, copies)).toBe(pathToFileURL(entry).href)
    expect(readdirSync(folder)).not.toContain('copies')
  })

  it('import packages, with what those import', async () => {
    write(
      'node_modules/one/package.json',
      '{ "name": "one", "type": "module", "exports": { ".": "./a.js" } }',
    )
    write('node_modules/one/a.js', "export { two as value } from './b.js'\n")
    write('node_modules/one/b.js', "import two from 'two'\nexport { two }\n")
    write('node_modules/two/package.json', '{ "name": "two", "type": "module", "main": "index.js" }')
    write('node_modules/two/index.js', 'export default 2\n')
    const entry = write('journeys.mjs', "import {\n  value,\n} from 'one'\nexport default [value]\n")
    expect(await prepare(entry)).toEqual([2])
  })

  it('import JSON, with and without an attribute, as data', async () => {
    write('data.json', '{"a": ["it\'s"]}')
    const entry = write(
      'journeys.mjs',
      "import one from './data.json' with { type: 'json' }\nimport two from './data.json'\n" +
        'export default [one, two]\n',
    )
    expect(await prepare(entry)).toEqual([{ a: ["it's"] }, { a: ["it's"] }])
  })

  it('may be .mts, and import each other in a cycle', async () => {
    write('b.mts', "import { a } from './journeys.mts'\nexport const b: () => number = () => a + 1\n")
    const entry = write(
      'journeys.mts',
      "import { b } from './b.mts'\nexport const a: number = 1\nexport default () => [b()]\n",
    )
    const url = await prepareJourneyModules(entry, copies)
    expect(url).toMatch(/\.ts$/)
    const module: { default: () => unknown } = await import(url)
    expect(module.default()).toEqual([2])
  })

  it('keep what only k6 can resolve or report, and texts that look like imports', async () => {
    const text = [
      "import { check } from 'k6'",
      "import http from 'k6/http'",
      "import x from 'https://jslib.k6.io/x.js'",
      "import gone from 'not-installed'",
      "import data from './data.json'",
      'export const path = "import x from \'./data.json\'"',
      '',
    ].join('\n')
    write('data.json', '1')
    const url = await prepareJourneyModules(write('journeys.mjs', text), copies)
    const copy = readFileSync(fileURLToPath(url), 'utf8')
    expect(copy.split('\n').filter((line, index) => line !== text.split('\n')[index])).toHaveLength(1)
    expect(copy).toContain("import { check } from 'k6'")
    expect(copy).toContain("from 'not-installed'")
  })
})
