import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findJourneyProblems } from './index.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vigil-journeys-'))
})
afterEach(async () => rm(folder, { recursive: true }))

// In a separate process: vitest would load the module differently, with other errors.
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

async function loadSource(source: string): Promise<unknown> {
  const file = join(folder, 'journeys.ts')
  await writeFile(file, source)
  return loadInNode(file)
}

describe('a journeys module', () => {
  test('is imported unchanged, TypeScript included', async () => {
    const source =
      'const name: string = "a"\nconst request = () => ({ method: "GET", path: "/" })\n' +
      'export default [{ name, steps: [{ name: "s", request }] }]'
    expect(await loadSource(source)).toMatchObject({ state: 'ok', journeys: [{ name: 'a' }] })
  })
  test.each([
    ['throws', 'const a = 1\nthrow new Error("no\\nway")', /^\S+journeys\.ts:2: no$/],
    ['is not JavaScript', 'const a = 1\nexport default [\n  { name: }\n]', /^\S+journeys\.ts:3: .+/],
    ['needs more than its types stripped', 'enum A { B }\nexport default []', /^\S+journeys\.ts:1: .*enum/],
    ['imports a missing module', 'import "../../client/gone.ts"', /^\S+journeys\.ts(:1)?: .*gone\.ts/],
    ['exports nothing', 'export const a = 1', /default export: expected an array of journeys, got none/],
    ['exports something else', 'export default { a: 1 }', /expected an array of journeys, got object/],
    [
      'has steps without requests',
      'export default [{ name: "a", steps: [{ name: "b" }] }]',
      /\[0\]\.steps\[0\]\.request: expected a function, got undefined/,
    ],
  ])('that %s is one line with its file', async (_, source, expected) => {
    expect(await loadSource(source)).toMatchObject({
      state: 'usage-error',
      reason: expect.stringMatching(expected),
    })
  })
  test('that does not exist is reported', async () => {
    expect(await loadInNode('/no/such/journeys.ts')).toEqual({
      state: 'usage-error',
      reason: '/no/such/journeys.ts: file not found',
    })
  })
})

describe('the status of a step', () => {
  const problems = (status: unknown): string[] =>
    findJourneyProblems([{ name: 'a', steps: [{ name: 's', request: () => undefined, status }] }])
  test.each([[200], [599], [302], [[404, 410]], [undefined]])('can be %j', (status) => {
    expect(problems(status)).toEqual([])
  })
  test.each([
    [199, '199'],
    [600, '600'],
    [204.5, '204.5'],
    [Number.NaN, 'NaN'],
    ['200', '"200"'],
    [[], '[]'],
    [[200, '404'], '[200, "404"]'],
    [[[200]], '[an array]'],
    [null, 'null'],
    [200n, 'bigint'],
    [{ min: 200 }, 'object'],
    [() => 200, 'function'],
  ])('cannot be %s', (status, found) => {
    expect(problems(status)).toEqual([
      `[0].steps[0].status: expected an HTTP status from 200 to 599 or a list of them, got ${found}`,
    ])
  })
})
