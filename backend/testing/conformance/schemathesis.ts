import { execFile, spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { BackendProcess } from '../index.ts'

/*
 * Compares the served OpenAPI document with the service, using Schemathesis with all checks and all phases:
 *
 * npm run conformance -- [--max-examples 25] [--seed 1] [--limit-seconds 300]
 *
 * Exits with 0 if no check failed, 1 if one did, 4 if Schemathesis could not run to its end. The tests do not
 * include it, because they need no Python.
 */
const { values } = parseArgs({
  options: {
    'max-examples': { type: 'string', default: '25' },
    seed: { type: 'string', default: '1' },
    'limit-seconds': { type: 'string', default: '300' },
  },
})
const version = '4.32.5'
const tools = fileURLToPath(new URL('../../../.vigil/tools/', import.meta.url))
const hooks = fileURLToPath(new URL('hooks.py', import.meta.url))
const settings = fileURLToPath(new URL('schemathesis.toml', import.meta.url))
const execute = promisify(execFile)

process.exitCode = await main()

async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'todo-conformance-'))
  let backend: BackendProcess | undefined
  try {
    const program = await findSchemathesis(process.env['SCHEMATHESIS'])
    backend = new BackendProcess(
      { EMBEDDED_POSTGRES_DIR: join(folder, 'postgres'), AUTH_SECRET: 'a secret for conformance runs only' },
      folder,
    )
    await backend.ready()
    const code = await runSchemathesis(program, await backend.base(), folder)
    const errors = backend.lines().filter((line) => line['stream'] === 'error')
    for (const line of errors.slice(0, 5)) print(`the service logged an error: ${JSON.stringify(line)}`)
    return errors.length > 0 ? 1 : code
  } catch (error) {
    print(error instanceof Error ? error.message : String(error))
    return 4
  } finally {
    backend?.signal('SIGTERM')
    await backend?.exit()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * The path of Schemathesis: `SCHEMATHESIS`, or a Python environment under `.vigil/tools`, created with venv
 * and pip if it does not exist.
 */
async function findSchemathesis(configured: string | undefined): Promise<string> {
  if (configured !== undefined) return configured
  const folder = join(tools, `schemathesis-${version}`)
  const program = join(folder, 'bin', 'schemathesis')
  if (await exists(program)) return program
  print(`installing schemathesis ${version} into ${folder}`)
  try {
    await mkdir(tools, { recursive: true })
    await execute('python3', ['-m', 'venv', folder], { timeout: 60_000 })
    await execute(
      join(folder, 'bin', 'pip'),
      ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`],
      { timeout: 300_000 },
    )
    return program
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new Error(
      `cannot install schemathesis ${version} (${line}): ` +
        'install it with pip and set SCHEMATHESIS to its path',
      { cause: error },
    )
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

function runSchemathesis(program: string, base: string, folder: string): Promise<number> {
  const options = {
    '--checks': 'all',
    '--phases': 'examples,coverage,fuzzing,stateful',
    '--max-examples': values['max-examples'],
    '--seed': values.seed,
    '--request-timeout': '10',
  }
  const args = ['--config-file', settings, 'run', `${base}/openapi.json`, '--no-color']
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, ...Object.entries(options).flat()], {
      cwd: folder,
      stdio: 'inherit',
      env: { ...process.env, SCHEMATHESIS_HOOKS: hooks, TODO_BASE_URL: base },
    })
    const limitMs = Number(values['limit-seconds']) * 1000
    const timer = setTimeout(() => {
      print(`not finished within ${values['limit-seconds']} s, ended`)
      child.kill('SIGKILL')
    }, limitMs)
    child.once('error', reject)
    child.once('exit', (code) => {
      clearTimeout(timer)
      // Killed at the time limit: there is no result.
      resolve(code ?? 4)
    })
  })
}

function print(line: string): void {
  process.stderr.write(`conformance: ${line}\n`)
}
