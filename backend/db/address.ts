import { parse, toClientConfig } from 'pg-connection-string'
import type { ClientConfig } from 'pg'

/** Where a database is, and how connections to it are made. */
export interface DatabaseAddress {
  /** Settings of the driver. */
  connection: ClientConfig
  /** Whether a server without TLS is accepted too, which the driver cannot do itself. */
  prefersTls: boolean
  /** Whether a PgBouncer shares the server's connections between transactions. */
  isPooled: boolean
  /** The number of connections, if the connection string has one. */
  connections: number | undefined
}

type Rule = readonly [pattern: RegExp, expected: string]
const oneOf = (...values: string[]): Rule => [new RegExp(`^(${values.join('|')})$`), values.join(', ')]
const anyText = (...names: string[]) => names.map((name): [string, Rule] => [name, [/^/, 'text']])

/** The parameters that are accepted. Prisma writes `schema`, `connection_limit` and `pgbouncer`. */
const rules = new Map<string, Rule>([
  ['sslmode', oneOf('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full')],
  ['ssl', oneOf('true', 'false', '1', '0')],
  ...anyText('sslrootcert', 'sslcert', 'sslkey'),
  ['channel_binding', oneOf('disable', 'prefer', 'require')],
  ['schema', oneOf('public')],
  ['connection_limit', [/^[1-9]\d{0,2}$/, 'a number from 1 to 999']],
  ['pgbouncer', oneOf('true', 'false')],
  ...anyText('application_name', 'options', 'host', 'port', 'user', 'password'),
])

/**
 * Reads the parameters of a connection string. Those about TLS are read as libpq does, except that `allow` is
 * read as `prefer`, and that connections without `sslmode` are plain. Throws an error of one line that does
 * not quote the address, which may hold a password.
 */
export function readAddress(connectionString: string): DatabaseAddress {
  const url = new URL(connectionString)
  const parameters = url.searchParams
  for (const [name, value] of parameters) {
    const rule = rules.get(name)
    if (rule === undefined)
      throw new Error(`parameter ${quote(name)}, expected only ${[...rules.keys()].join(', ')}`)
    if (!rule[0].test(value)) throw new Error(`${name}: found ${quote(value)}, expected ${rule[1]}`)
  }
  const mode = readTlsMode(parameters)
  const binding = parameters.get('channel_binding') ?? 'disable'
  if (binding === 'require' && mode !== 'verify-full')
    throw new Error(
      'channel_binding: found require, expected prefer, or require with sslmode=verify-full: the driver ' +
        'cannot refuse a server without channel binding',
    )
  const limit = parameters.get('connection_limit')
  const isPooled = parameters.get('pgbouncer') === 'true'
  for (const name of ['ssl', 'channel_binding', 'schema', 'connection_limit', 'pgbouncer'])
    parameters.delete(name)
  parameters.set('sslmode', mode)
  return {
    connection: { ...parseConnection(url), enableChannelBinding: binding !== 'disable' },
    prefersTls: mode === 'prefer',
    isPooled,
    connections: limit === null ? undefined : Number(limit),
  }
}

function readTlsMode(parameters: URLSearchParams): string {
  const hasTls = ['true', '1'].includes(parameters.get('ssl') ?? '')
  const mode = parameters.get('sslmode') ?? (hasTls ? 'verify-full' : 'disable')
  // The authorities that Node knows. As libpq does, a host is then always checked.
  if (parameters.get('sslrootcert') === 'system') {
    parameters.delete('sslrootcert')
    return mode === 'disable' ? mode : 'verify-full'
  }
  if (mode === 'verify-ca' && !parameters.has('sslrootcert'))
    throw new Error('sslmode: found verify-ca without sslrootcert, expected a file with certificates in PEM')
  return mode === 'allow' ? 'prefer' : mode
}

function parseConnection(url: URL): ClientConfig {
  try {
    return toClientConfig(parse(url.href, { useLibpqCompat: true }))
  } catch (error) {
    if (!(error instanceof Error && 'path' in error && 'code' in error)) throw error
    const [name] = [...url.searchParams].find(([, value]) => value === error.path) ?? ['sslrootcert']
    throw new Error(
      `${name}: ${String(error.path)}: ${String(error.code)}, expected a file with certificates in PEM`,
      { cause: error },
    )
  }
}

function quote(value: string): string {
  return JSON.stringify(value.slice(0, 40))
}
