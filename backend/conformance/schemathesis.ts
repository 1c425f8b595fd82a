import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { BackendProcess } from '../testing/index.ts'
import { findSchemathesis } from './program.ts'

/*
 * Holds the served OpenAPI document against the service with Schemathesis, all checks and all phases:
 *
 *   npm run conformance -- [--max-examples 25] [--seed 1] [--limit-seconds 300]
 *
 * Ends with 0 when nothing failed, 1 when something did, 4 when it could not be measured. Not part of the tests, which
 * need no Python; program.ts says where the program is looked for and how it is brought.
 */
const { values } = parseArgs({
  options: {
    'max-examples': { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    'limit-seconds': { type: 'string', default: '300' },
  },
})
const hooks = fileURLToPath(new URL('hooks.py', import.meta.url))
const settings = fileURLToPath(new URL('schemathesis.toml', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'todo-conformance-'))
let backend: BackendProcess | undefined
try {
  const program = await findSchemathesis(process.env, say)
  backend = new BackendProcess(
    { EMBEDDED_POSTGRES_DIR: join(folder, 'postgres'), AUTH_SECRET: 'a secret for conformance runs only' },
    folder,
  )
  await backend.ready()
  process.exitCode = await run(program, await backend.base())
  const failed = backend.lines().filter((line) => line['stream'] === 'error')
  for (const line of failed.slice(0, 5)) say(`the service logged an error: ${JSON.stringify(line)}`)
  if (failed.length > 0) process.exitCode = 1
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 4
} finally {
  backend?.signal('SIGTERM')
  await backend?.exit()
  await rm(folder, { recursive: true, force: true })
}

function run(program: string, base: string): Promise<number> {
  const phases = 'examples,coverage,fuzzing,stateful'
  const args = [
    '--config-file',
    settings,
    'run',
    `${base}/openapi.json`,
    '--checks',
    'all',
    '--phases',
    phases,
    '--max-examples',
    values['max-examples'],
    '--seed',
    values.seed,
    '--request-timeout',
    '10',
    '--no-color',
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: folder,
      stdio: 'inherit',
      env: { ...process.env, SCHEMATHESIS_HOOKS: hooks, TODO_BASE_URL: base },
    })
    const timer = setTimeout(
      () => {
        say(`not over within ${values['limit-seconds']} s, ended`)
        child.kill('SIGKILL')
      },
      Number(values['limit-seconds']) * 1000,
    )
    child.once('error', reject)
    child.once('exit', (code) => {
      clearTimeout(timer)
      // Killed by the limit: nothing was shown, neither this way nor that.
      resolve(code ?? 4)
    })
  })
}

function say(line: string): void {
  process.stderr.write(`conformance: ${line}\n`)
}
