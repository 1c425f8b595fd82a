import { readFileSync } from 'node:fs'
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'

/** How a connection is secured. */
export interface TlsOptions {
  rejectUnauthorized: boolean
  ca?: string
  cert?: string
  key?: string
  checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined
}

/** Where a database is and how connections to it are secured. */
export interface DatabaseAddress {
  /** Without the parameters about TLS, which the driver reads differently. */
  url: string
  /** `prefer`: with TLS where the server offers it. */
  tls: false | 'prefer' | TlsOptions
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof modes)[number]
const ownParameters = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'channel_binding']

/**
 * Reads the parameters about TLS of a connection string, as libpq does. `require` encrypts and checks the
 * certificate only with `sslrootcert`. `verify-ca` checks who signed it, `verify-full` its host, too. `allow`
 * is read as `prefer`. Without `sslmode` connections are plain. Throws an error of one line that does not
 * quote the address, which may hold a password. (The todo API has a copy:
 * neither imports the other.)
 */
export function readAddress(connectionString: string): DatabaseAddress {
  const url = new URL(connectionString)
  const parameters = url.searchParams
  const mode = readMode(parameters)
  const rootFile = parameters.get('sslrootcert')
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => readPem(name, parameters.get(name)))
  const { hostname } = url
  for (const name of ownParameters) parameters.delete(name)
  const bare = { url: url.href }
  if (mode === 'disable') return { ...bare, tls: false }
  if (mode === 'allow' || mode === 'prefer') return { ...bare, tls: 'prefer' }
  const isSystem = rootFile === 'system'
  const ca = isSystem ? undefined : readPem('sslrootcert', rootFile)
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    ...bare,
    tls: {
      rejectUnauthorized: mode !== 'require' || rootFile !== null,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
      checkServerIdentity: (_, certificate) =>
        mode === 'verify-full' || isSystem ? checkServerIdentity(host, certificate) : undefined,
    },
  }
}

function readMode(parameters: URLSearchParams): Mode {
  const given = parameters.get('sslmode') ?? parameters.get('ssl') ?? 'disable'
  const known: Readonly<Record<string, Mode>> = {
    true: 'verify-full',
    1: 'verify-full',
    false: 'disable',
    0: 'disable',
  }
  const mode = known[given] ?? modes.find((one) => one === given)
  if (mode === undefined)
    throw new Error(`sslmode: found ${JSON.stringify(given.slice(0, 40))}, expected ${modes.join(', ')}`)
  return mode
}

function readPem(name: string, file: string | null | undefined): string | undefined {
  if (file === null || file === undefined || file === '') return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new Error(`${name}: ${file}: ${code}, expected a file with certificates in PEM`, { cause: error })
  }
}
