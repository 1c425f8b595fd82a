import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Whom PostgreSQL runs as, and what stands before its command line for that. */
export interface Identity {
  uid?: number
  gid?: number
  prefix: readonly string[]
}

/**
 * PostgreSQL refuses to run as root. As root it runs as the user `postgres` (made when absent) or `nobody`; under a
 * folder that such a user may not enter, such as /root, it keeps the capability to read and write there.
 */
export function postgresIdentity(folders: readonly string[]): Identity {
  if (process.getuid?.() !== 0) return { prefix: [] }
  const { uid, gid } = account()
  if (folders.every((folder) => othersMayEnter(folder))) return { uid, gid, prefix: [] }
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  if (setpriv === undefined)
    throw new Error(
      `the embedded PostgreSQL, which may not run as root, has no access to ${folders.join(' or ')}: use another folder or DATABASE_URL`,
    )
  const capabilities = '+dac_override,+dac_read_search'
  const prefix = [
    setpriv,
    '--reuid',
    String(uid),
    '--regid',
    String(gid),
    '--clear-groups',
    '--inh-caps',
    capabilities,
    '--ambient-caps',
    capabilities,
    '--',
  ]
  return { uid, gid, prefix }
}

function account(): { uid: number; gid: number } {
  const known = idOf('postgres')
  if (known !== undefined) return known
  try {
    execFileSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres'], {
      stdio: 'ignore',
      timeout: 10_000,
    })
  } catch {
    // No such tool or a read-only system: somebody without rights is there on every machine.
  }
  return idOf('postgres') ?? idOf('nobody') ?? { uid: 65_534, gid: 65_534 }
}

function idOf(user: string): { uid: number; gid: number } | undefined {
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

function othersMayEnter(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(at)) {
      accessSync(at, constants.X_OK)
      const owned = at === folder && statSync(at).uid !== 0
      if (!owned && (statSync(at).mode & 0o001) === 0) return false
    }
    if (at === dirname(at)) return true
  }
}
