import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

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
  const capabilities = '+dac_override,+dac_read_search'
  const commandPrefix = [
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
  return { uid, gid, commandPrefix }
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
