import { execFile } from 'node:child_process'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

const version = '4.32.5'
const tools = fileURLToPath(new URL('../../.vigil/tools/', import.meta.url))

/**
 * Where Schemathesis is: `SCHEMATHESIS`, or an environment of its own under `.vigil/tools`, which is made with Python's
 * own venv and pip when it is not there. Rejects with what to do when it cannot be had.
 */
export async function findSchemathesis(
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): Promise<string> {
  if (env['SCHEMATHESIS'] !== undefined) return env['SCHEMATHESIS']
  const folder = join(tools, `schemathesis-${version}`)
  const program = join(folder, 'bin', 'schemathesis')
  if (await isThere(program)) return program
  say(`bringing schemathesis ${version} into ${folder}`)
  try {
    await mkdir(tools, { recursive: true })
    await run('python3', ['-m', 'venv', folder], { timeout: 60_000 })
    await run(
      join(folder, 'bin', 'pip'),
      ['install', '--quiet', '--disable-pip-version-check', `schemathesis==${version}`],
      { timeout: 300_000 },
    )
    return program
  } catch (error) {
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new Error(
      `schemathesis ${version} cannot be had (${line}); install it with pip and set SCHEMATHESIS to its path`,
      { cause: error },
    )
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
