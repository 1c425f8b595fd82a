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

/** Where a database is, and how connections to it are made. */
export interface DatabaseAddress {
  /** Without the parameters below, which drivers read differently or not at all. */
  url: string
  /** `prefer`: with TLS where the server offers it. */
  tls: false | 'prefer' | TlsOptions
  bindsChannel: boolean
  /** Whether a PgBouncer shares the server's connections between transactions. */
  isPooled: boolean
  /** The number of connections, if the connection string has one. */
  connections: number | undefined
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof modes)[number]
/** Parameters that are read here. Prisma writes the last three. */
const ownParameters = [
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'channel_binding',
  'schema',
  'connection_limit',
  'pgbouncer',
]
/** Parameters that the driver reads. */
const passedParameters = ['application_name', 'options', 'host', 'port', 'user', 'password']

/**
 * Reads the parameters of a connection string. Those about TLS are read as libpq does: `require` encrypts and
 * checks the certificate only with `sslrootcert`. `verify-ca` checks who signed it, `verify-full` its host,
 * too. `allow` is read as `prefer`. Without `sslmode` connections are plain. Throws an error of one line that
 * does not quote the address, which may hold a password.
 */
export function readAddress(connectionString: string): DatabaseAddress {
  const url = new URL(connectionString)
  const parameters = url.searchParams
  const known = [...ownParameters, ...passedParameters]
  for (const name of parameters.keys())
    if (!known.includes(name))
      throw new Error(`parameter ${JSON.stringify(name.slice(0, 40))}, expected only ${known.join(', ')}`)
  const mode = readMode(parameters)
  const limit = readParameter(parameters, 'connection_limit', /^[1-9]\d{0,2}$/, 'a number from 1 to 999')
  readParameter(parameters, 'schema', /^public$/, 'public')
  const binding = readParameter(
    parameters,
    'channel_binding',
    /^(disable|prefer|require)$/,
    'disable, prefer, require',
  )
  if (binding === 'require' && mode !== 'verify-full')
    throw new Error(
      'channel_binding: found require, expected prefer, or require with sslmode=verify-full: the driver ' +
        'cannot refuse a server without channel binding',
    )
  const address = {
    tls: readTls(url, mode),
    bindsChannel: binding === 'prefer' || binding === 'require',
    isPooled: readParameter(parameters, 'pgbouncer', /^(true|false)$/, 'true, false') === 'true',
    connections: limit === undefined ? undefined : Number(limit),
  }
  for (const name of ownParameters) parameters.delete(name)
  return { url: url.href, ...address }
}

function readTls({ hostname, searchParams }: URL, mode: Mode): DatabaseAddress['tls'] {
  const rootFile = searchParams.get('sslrootcert')
  const [cert, key] = ['sslcert', 'sslkey'].map((name) => readPem(name, searchParams.get(name)))
  if (mode === 'disable') return false
  if (mode === 'allow' || mode === 'prefer') return 'prefer'
  const isSystem = rootFile === 'system'
  const ca = isSystem ? undefined : readPem('sslrootcert', rootFile)
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    rejectUnauthorized: mode !== 'require' || rootFile !== null,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    checkServerIdentity: (_, certificate) =>
      mode === 'verify-full' || isSystem ? checkServerIdentity(host, certificate) : undefined,
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

function readParameter(
  parameters: URLSearchParams,
  name: string,
  pattern: RegExp,
  expected: string,
): string | undefined {
  const value = parameters.get(name) ?? undefined
  if (value !== undefined && !pattern.test(value))
    throw new Error(`${name}: found ${JSON.stringify(value.slice(0, 40))}, expected ${expected}`)
  return value
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
