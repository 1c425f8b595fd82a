import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import type { TestContext } from 'vitest'
import type { Verdict } from '../baselines/index.ts'
import { freePort } from '../cli/testing/service.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'vigil-examples-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Ran {
  code: number
  stdout: string
  stderr: string
}

async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env: { ...process.env, CI: '', ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127
      resolve({ code, stdout, stderr })
    })
  })
}

/** A copy of an example, as its reader makes one. */
function copy(name: string): string {
  const folder = join(scratch, name)
  cpSync(join(root, 'examples', name), folder, { recursive: true })
  return folder
}

/** What an example needs and vigil does not: skips the test where this machine or its network has none. */
async function need(context: TestContext, folder: string, program: string, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await run(program, args, folder)
  const line = `${stdout}${stderr}`.trim().split('\n').at(-1) ?? ''
  context.skip(code !== 0, `${program} ${args[0] ?? ''}: exit ${code}: ${line}`)
}

async function gate(folder: string, env: NodeJS.ProcessEnv = {}): Promise<Ran & { verdict: Verdict }> {
  const port = String(await freePort())
  const ran = await run(join(root, 'vigil'), ['gate', '--json'], folder, { ...env, PORT: port })
  if (ran.stdout === '') throw new Error(ran.stderr)
  return { ...ran, verdict: JSON.parse(ran.stdout) as Verdict }
}

/** Checks that did not pass, with what vigil said; one more if it judged hardly anything. */
function findProblems({ code, stderr, verdict }: Awaited<ReturnType<typeof gate>>): string[] {
  const judged = verdict.rows.filter(({ status }) => status !== 'skipped')
  const problems = judged.filter(({ status }) => status !== 'pass').map(({ message }) => message)
  return code === 0 && judged.length > 2 ? problems : [...problems, `exit ${code}`, stderr]
}

describe('the gate of an example passes', { timeout: 180_000 }, () => {
  it('json-server, and fails when the service became slower', async (context) => {
    const folder = copy('json-server')
    await need(context, folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund')
    expect(findProblems(await gate(folder))).toEqual([])
    const slow = await gate(folder, { DELAY_MS: '300' })
    expect(slow.code).toBe(1)
    expect(slow.verdict.rows.filter(({ status }) => status === 'fail').map(({ metric }) => metric)).toEqual([
      'p95Ms',
    ])
  })

  it('go-httpbin', async (context) => {
    const folder = copy('go-httpbin')
    const module = 'github.com/mccutchen/go-httpbin/v2/cmd/go-httpbin@v2.26.0'
    // Compiles it, so that its start is not slow.
    await need(context, folder, 'go', 'run', module, '-version')
    expect(findProblems(await gate(folder))).toEqual([])
  })

  it('httpbin', async (context) => {
    const folder = copy('httpbin')
    await need(context, folder, 'python3', '-m', 'venv', '.venv')
    await need(context, folder, '.venv/bin/pip', 'install', '-q', '-r', 'requirements.txt')
    expect(findProblems(await gate(folder))).toEqual([])
  })
})
