import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'

/** How a connection is secured; the same object serves both drivers. */
export interface TlsOptions {
  rejectUnauthorized: boolean
  ca?: string
  cert?: string
  key?: string
  checkServerIdentity?: (name: string, certificate: PeerCertificate) => Error | undefined
}

/** Where a database is and how connections to it are secured. */
export interface DatabaseAddress {
  /** Without the parameters about TLS, which each driver reads differently. */
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
 * quote the address, which may hold a password.
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

/** The request for TLS in PostgreSQL's protocol: its length, and its number. */
const tlsRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const accepts = 'S'.charCodeAt(0)

/**
 * Asks a server whether it offers TLS, for a driver that cannot prefer it. Returns the options of a
 * connection now. Rejects if the server cannot be reached.
 */
export async function negotiateTls(
  { url, tls }: DatabaseAddress,
  timeoutMs: number,
): Promise<false | TlsOptions> {
  if (tls !== 'prefer') return tls
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 5432) })
  try {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error('the database does not answer')))
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the database closed the connection')))
      socket.once('connect', () => socket.write(tlsRequest))
      socket.once('data', (bytes) => resolve(bytes[0]))
    })
    return answer === accepts ? { rejectUnauthorized: false } : false
  } finally {
    socket.destroy()
  }
}
