import { readAddress } from '../db/address.ts'
import { readOtel } from './otel.ts'
import { oneOf, secret, text, url, wholeNumber, wordList } from './readings.ts'
import type { Read } from './readings.ts'

/** The settings from the environment, read once at the start. */
export type Config = ReturnType<typeof readConfig>

/** The environment is invalid. `message` is one line that names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Reads and checks the environment. Throws {@link ConfigError}. An empty value counts as absent. */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const read: Read = (name, parser, fallback) => {
    const raw = env[name]
    if (raw === undefined || raw === '') return fallback
    try {
      return parser(raw)
    } catch (error) {
      throw new ConfigError(`${name}: ${error instanceof Error ? error.message : 'invalid'}`)
    }
  }
  const environment = read('NODE_ENV', oneOf('development', 'test', 'production'), 'development')
  const isProduction = environment === 'production'
  const database = read('DATABASE_URL', databaseAddress, undefined)
  const config = {
    environment,
    host: read('HOST', text(/^[A-Za-z0-9.:_-]{1,255}$/, 'a host name or an IP address'), '127.0.0.1'),
    port: read('PORT', wholeNumber(0, 65_535), 8000),
    /** Absent: an embedded PostgreSQL in `embeddedDir`. */
    databaseUrl: database?.url,
    embeddedDir: read('EMBEDDED_POSTGRES_DIR', folder, '.vigil/postgres'),
    databasePool: read('DATABASE_POOL', wholeNumber(1, 500), database?.connections ?? 10),
    authSecret: read('AUTH_SECRET', secret(32), undefined),
    rateLimitPerMinute: read('RATE_LIMIT_PER_MINUTE', wholeNumber(1, 1_000_000_000), 100),
    authRateLimitPerMinute: read('AUTH_RATE_LIMIT_PER_MINUTE', wholeNumber(1, 1_000_000_000), 20),
    corsOrigins: read('CORS_ORIGINS', wordList(/^https?:\/\/[^\s/?#*]+$/, origins), []),
    /** The number of proxies in front that are trusted for the client's address. */
    trustedProxies: read('TRUST_PROXY', wholeNumber(0, 10), 0),
    metricsToken: read('METRICS_TOKEN', secret(16), undefined),
    logLevel: read('LOG_LEVEL', oneOf(...logLevels), 'info'),
    logDir: read('LOG_DIR', folder, undefined),
    serverTiming: read('SERVER_TIMING', timing, { mode: 'off' as const }),
    cacheEntries: read('CACHE_ENTRIES', wholeNumber(0, 10_000_000), 10_000),
    /** Whether /docs and /openapi.json are served. */
    docs: read('DOCS', oneOf('on', 'off'), isProduction ? 'off' : 'on') === 'on',
    faultsToken: read('FAULTS_TOKEN', secret(16), undefined),
    otel: readOtel(read),
  }
  const areFaultsAllowed = read('FAULTS_ALLOW_PRODUCTION', oneOf('0', '1'), '0') === '1' || !isProduction
  if (isProduction && config.authSecret === undefined)
    throw new ConfigError(
      'AUTH_SECRET: absent, expected a secret of at least 32 characters with NODE_ENV=production',
    )
  if (config.faultsToken !== undefined && !areFaultsAllowed)
    throw new ConfigError(
      'FAULTS_TOKEN: set with NODE_ENV=production, expected absent or FAULTS_ALLOW_PRODUCTION=1 as well',
    )
  return config
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const origins = 'origins such as https://app.example.com, separated by commas'
const folder = text(/^[^\0]+$/, 'a folder')

function databaseAddress(raw: string) {
  const address = url('postgres:', 'postgresql:')(raw)
  try {
    return { url: address, connections: readAddress(address).connections }
  } catch (error) {
    // The message names a parameter, or a parameter and what was found.
    const message = error instanceof Error ? error.message : 'invalid'
    throw new Error(`found ${message.replace(': found ', ' ')}`, { cause: error })
  }
}

/** `on`: for every caller; a token: for callers that send it; `off`: for no caller. */
function timing(raw: string): { mode: 'on' | 'off' } | { mode: 'token'; token: string } {
  if (raw === 'on' || raw === 'off') return { mode: raw }
  return { mode: 'token', token: secret(16, 'on, off or a token of at least 16 characters')(raw) }
}
