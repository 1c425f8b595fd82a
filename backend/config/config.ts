import { readAddress } from '../db/address.ts'
import { readOtel } from './otel.ts'
import type { OtelConfig } from './otel.ts'
import { oneOf, secret, text, url, wholeNumber, wordList } from './readings.ts'
import type { Read, Parser } from './readings.ts'

/** The settings from the environment, read once at the start. */
export interface Config {
  environment: 'development' | 'test' | 'production'
  host: string
  port: number
  /** Absent: an embedded PostgreSQL in `embeddedDir`. */
  databaseUrl: string | undefined
  embeddedDir: string
  databasePool: number
  authSecret: string | undefined
  rateLimitPerMinute: number
  authRateLimitPerMinute: number
  corsOrigins: readonly string[]
  /** The number of proxies in front that are trusted for the client's address. */
  trustedProxies: number
  metricsToken: string | undefined
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  logDir: string | undefined
  /** `on`: for every caller; a token: for callers that send it; `off`: for no caller. */
  serverTiming: { mode: 'on' | 'off' } | { mode: 'token'; token: string }
  cacheEntries: number
  /** Whether /docs and /openapi.json are served. */
  docs: boolean
  faultsToken: string | undefined
  faultsInProduction: boolean
  otel: OtelConfig | undefined
}

/** The environment is invalid. `message` is one line that names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

type Environment = Readonly<Record<string, string | undefined>>

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const databaseAddress: Parser<string> = (raw) => {
  const found = url('postgres:', 'postgresql:')(raw)
  if (!('value' in found)) return found
  try {
    readAddress(raw)
    return found
  } catch (error) {
    const [what = '', expected = ''] = (error instanceof Error ? error.message : '').split(', expected ')
    return { found: what.replace(': found ', ' '), expected }
  }
}

/** Reads and checks the environment. Throws {@link ConfigError}. An empty value counts as absent. */
export function readConfig(env: Environment): Config {
  const read = createReader(env)
  const environment = read('NODE_ENV', oneOf('development', 'test', 'production'), 'development')
  const authSecret = read('AUTH_SECRET', secret(32), undefined)
  if (environment === 'production' && authSecret === undefined) {
    throw new ConfigError(
      'AUTH_SECRET: absent, expected a secret of at least 32 characters with NODE_ENV=production',
    )
  }
  const databaseUrl = read('DATABASE_URL', databaseAddress, undefined)
  const faultsToken = read('FAULTS_TOKEN', secret(16), undefined)
  const faultsInProduction = read('FAULTS_ALLOW_PRODUCTION', oneOf('0', '1'), '0') === '1'
  if (environment === 'production' && faultsToken !== undefined && !faultsInProduction) {
    throw new ConfigError(
      'FAULTS_TOKEN: set with NODE_ENV=production, expected absent or FAULTS_ALLOW_PRODUCTION=1 as well',
    )
  }
  return {
    environment,
    host: read('HOST', text(/^[A-Za-z0-9.:_-]{1,255}$/, 'a host name or an IP address'), '127.0.0.1'),
    port: read('PORT', wholeNumber(0, 65_535), 8000),
    databaseUrl,
    embeddedDir: read('EMBEDDED_POSTGRES_DIR', text(/^[^\0]+$/, 'a folder'), '.vigil/postgres'),
    databasePool:
      read('DATABASE_POOL', wholeNumber(1, 500), undefined) ??
      (databaseUrl === undefined ? undefined : readAddress(databaseUrl).connections) ??
      10,
    authSecret,
    rateLimitPerMinute: read('RATE_LIMIT_PER_MINUTE', wholeNumber(1, 1_000_000_000), 100),
    authRateLimitPerMinute: read('AUTH_RATE_LIMIT_PER_MINUTE', wholeNumber(1, 1_000_000_000), 20),
    corsOrigins: read(
      'CORS_ORIGINS',
      wordList(/^https?:\/\/[^\s/?#*]+$/, 'origins such as https://app.example.com, separated by commas'),
      [],
    ),
    trustedProxies: read('TRUST_PROXY', wholeNumber(0, 10), 0),
    metricsToken: read('METRICS_TOKEN', secret(16), undefined),
    logLevel: read('LOG_LEVEL', oneOf(...logLevels), 'info'),
    logDir: read('LOG_DIR', text(/^[^\0]+$/, 'a folder'), undefined),
    serverTiming: readServerTiming(read),
    cacheEntries: read('CACHE_ENTRIES', wholeNumber(0, 10_000_000), 10_000),
    docs: read('DOCS', oneOf('on', 'off'), environment === 'production' ? 'off' : 'on') === 'on',
    faultsToken,
    faultsInProduction,
    otel: readOtel(read),
  }
}

function createReader(env: Environment): Read {
  return (name, reading, fallback) => {
    const raw = env[name]
    if (raw === undefined || raw === '') return fallback
    const result = reading(raw)
    if ('value' in result) return result.value
    throw new ConfigError(`${name}: found ${result.found}, expected ${result.expected}`)
  }
}

function readServerTiming(read: Read): Config['serverTiming'] {
  const onOrOff = oneOf('on', 'off')
  const token = secret(16)
  const either: Parser<Config['serverTiming']> = (raw) => {
    const mode = onOrOff(raw)
    if ('value' in mode) return { value: { mode: mode.value } }
    const value = token(raw)
    if ('value' in value) return { value: { mode: 'token', token: value.value } }
    return { found: value.found, expected: 'on, off or a token of at least 16 characters' }
  }
  return read<Config['serverTiming'], Config['serverTiming']>('SERVER_TIMING', either, { mode: 'off' })
}
