import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-journeys-'))
})
afterEach(async () => rm(folder, { recursive: true }))

// In a process of its own: vitest would load the module in its own way, with errors of its own.
const loader = `const { loadJourneys } = await import(process.argv[1])
console.log(JSON.stringify(await loadJourneys(process.argv[2])))
process.exit(0)`

async function loadInNode(file: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '-e',
    loader,
    join(import.meta.dirname, 'index.ts'),
    file,
  ])
  const result: unknown = JSON.parse(stdout)
  return result
}

async function loaded(source: string): Promise<unknown> {
  const file = join(folder, 'journeys.ts')
  await writeFile(file, source)
  return loadInNode(file)
}

describe('a journeys module', () => {
  test('is imported as it is, TypeScript and all', async () => {
    const source =
      'const name: string = "a"\nexport default [{ name, steps: [{ name: "s", request: () => ({ method: "GET", path: "/" }) }] }]'
    expect(await loaded(source)).toMatchObject({ state: 'loaded', journeys: [{ name: 'a' }] })
  })
  test.each([
    ['throws', 'const a = 1\nthrow new Error("no\\nway")', /^\S+journeys\.ts:2: no$/],
    ['is no JavaScript', 'const a = 1\nexport default [\n  { name: }\n]', /^\S+journeys\.ts:3: .+/],
    ['needs more than its types stripped', 'enum A { B }\nexport default []', /^\S+journeys\.ts:1: .*enum/],
    ['imports what is not there', 'import "../../client/gone.ts"', /^\S+journeys\.ts(:1)?: .*gone\.ts/],
    ['exports nothing', 'export const a = 1', /has no default export/],
    ['exports something else', 'export default { a: 1 }', /found object, expected an array/],
    [
      'has steps without requests',
      'export default [{ name: "a", steps: [{ name: "b" }] }]',
      /\[0\]\.steps\[0\]\.request: found undefined, expected a function/,
    ],
  ])('that %s is one line with its file', async (_, source, expected) => {
    expect(await loaded(source)).toMatchObject({
      state: 'usage-error',
      reason: expect.stringMatching(expected),
    })
  })
  test('that is not there is said to be so', async () => {
    expect(await loadInNode('/no/such/journeys.ts')).toEqual({
      state: 'usage-error',
      reason: '/no/such/journeys.ts: not there',
    })
  })
})
