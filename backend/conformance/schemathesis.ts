import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BackendProcess } from '../testing/index.ts'

/*
 * Holds the served OpenAPI document against the service with Schemathesis (PyPI, 4.32), all checks and phases. Not part
 * of the tests, which need no Python:
 *
 *   python3 -m venv /tmp/schemathesis && /tmp/schemathesis/bin/pip install schemathesis==4.32.0
 *   SCHEMATHESIS=/tmp/schemathesis/bin/schemathesis node backend/conformance/schemathesis.ts [--max-examples 50 …]
 */
const program = process.env['SCHEMATHESIS'] ?? 'schemathesis'
const hooks = fileURLToPath(new URL('hooks.py', import.meta.url))
const settings = fileURLToPath(new URL('schemathesis.toml', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'todo-conformance-'))
const backend = new BackendProcess({ EMBEDDED_POSTGRES_DIR: join(folder, 'postgres'), AUTH_SECRET: 'a secret for conformance runs only' })
try {
  const base = await backend.base()
  await backend.ready()
  process.exitCode = await run(base)
} finally {
  backend.signal('SIGTERM')
  await backend.exit()
  await rm(folder, { recursive: true, force: true })
}

function run(base: string): Promise<number> {
  const args = ['--config-file', settings, 'run', `${base}/openapi.json`, '--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful', '--request-timeout', '10', '--no-color', ...process.argv.slice(2)]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, stdio: 'inherit', env: { ...process.env, SCHEMATHESIS_HOOKS: hooks, TODO_BASE_URL: base } })
    child.once('error', (error) => reject(new Error(`${program}: ${error.message}; install it as this file says, or set SCHEMATHESIS`)))
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
