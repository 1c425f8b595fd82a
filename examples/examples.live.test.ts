import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import type { TestContext } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import { freePort } from '../cli/testing/service.ts'
import { runIn } from '../cli/testing/vigil.ts'
import type { Ran } from '../cli/testing/vigil.ts'
import { isStarved, runUnstarved } from '../cli/testing/starved.ts'
import type { Run } from '../record/index.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'vigil-examples-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** A copy of an example, as its reader makes one. */
function copy(name: string): string {
  const folder = join(scratch, name)
  cpSync(join(root, 'examples', name), folder, { recursive: true })
  return folder
}

/** Installs the faces of this repository's package that journeys import. */
function usePackage(folder: string): void {
  const installed = join(folder, 'node_modules/vigil-gate')
  mkdirSync(installed, { recursive: true })
  const face = pathToFileURL(join(root, 'package/journeys.ts')).href
  writeFileSync(join(installed, 'package.json'), '{"exports":{"./journeys":"./journeys.mjs"}}')
  writeFileSync(join(installed, 'journeys.mjs'), `export * from ${JSON.stringify(face)}\n`)
}

/** What an example needs and vigil does not: skips the test where this machine or its network has none. */
async function need(context: TestContext, folder: string, program: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await runIn(folder, program, args).catch((error: unknown) => ({
    code: 127,
    stdout: '',
    stderr: String(error),
  }))
  const line = `${stdout}${stderr}`.trim().split('\n').at(-1) ?? ''
  context.skip(code !== 0, `${program} ${args[0] ?? ''}: exit ${code}: ${line}`)
}

/**
 * Whether a stall of the machine made some answers slow: the budgets of examples are those of a machine that
 * goes on. A slower revision makes all answers slow.
 */
function wasStalled({ totals: { latency } }: Run): boolean {
  return latency.p95Ms - latency.p50Ms > 100
}

async function gate(
  folder: string,
  env: NodeJS.ProcessEnv = {},
  options: readonly string[] = [],
): Promise<Ran & { verdict: Verdict }> {
  const port = String(await freePort())
  const ran = await runUnstarved(
    folder,
    async () =>
      runIn(folder, join(root, 'vigil'), ['gate', '--json', ...options], { env: { ...env, PORT: port } }),
    (record) => isStarved(record) || wasStalled(record),
  )
  if (ran.stdout === '') throw new Error(ran.stderr)
  return { ...ran, verdict: JSON.parse(ran.stdout) as Verdict }
}

/** Checks that did not pass, with what vigil said; one more if it judged hardly anything. */
function findProblems({ code, stderr, verdict }: Awaited<ReturnType<typeof gate>>): string[] {
  const judged = verdict.rows.filter(({ status }) => status !== 'skipped')
  const problems = judged.filter(({ status }) => status !== 'pass').map(({ message }) => message)
  return code === 0 && judged.length > 2 ? problems : [...problems, `exit ${code}`, stderr]
}

/** The problems of a first gate, and what fails in the gate of a slower revision. */
async function gateBoth(folder: string): Promise<{ first: string[]; code: number | null; fails: string[] }> {
  const first = findProblems(await gate(folder, {}, short))
  const { code, verdict } = await gate(folder, { DELAY_MS: '300' }, short)
  const fails = verdict.rows.filter(({ status }) => status === 'fail').map(({ metric }) => metric)
  return { first, code, fails }
}

/** Enough answers to judge, in less time than the configured ten seconds. */
const short = ['--duration', '3']
const expected = { first: [], code: 1, fails: ['p95Ms'] }

describe('an example passes its gate, and fails it when it became slower', { timeout: 300_000 }, () => {
  it('json-server', async (context) => {
    const folder = copy('json-server')
    await need(context, folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund')
    expect(await gateBoth(folder)).toEqual(expected)
  })

  it('go-httpbin', async (context) => {
    const folder = copy('go-httpbin')
    // Compiles it, so that its start is not slow.
    await need(context, folder, 'go', 'build', '-o', join(folder, 'service'), '.')
    expect(await gateBoth(folder)).toEqual(expected)
  })

  it('httpbin', async (context) => {
    const folder = copy('httpbin')
    await need(context, folder, 'python3', '-m', 'venv', '.venv')
    await need(context, folder, '.venv/bin/pip', 'install', '-q', '-r', 'requirements.txt')
    expect(await gateBoth(folder)).toEqual(expected)
  })
})

it('a k6 script, a spec and journeys of a project run as they are', async (context) => {
  const folder = copy('bring-your-own')
  await need(context, folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund')
  usePackage(folder)
  const gated = await gate(folder)
  expect(findProblems(gated)).toEqual([])
  expect(gated.verdict.rows.map(({ metric }) => metric)).toEqual(
    expect.arrayContaining(['outcome', 'checkout_time p(95)', 'orders count', 'check is paid']),
  )
  expect(gated.stderr).toContain('| logged in, paying in EUR')
  const summary = JSON.parse(readFileSync(join(folder, 'checkout-summary.json'), 'utf8')) as object
  expect(summary).toMatchObject({ type: 'counter' })
})
