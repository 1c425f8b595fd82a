import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const secret = 'x'.repeat(32)

describe('readConfig', () => {
  test('an empty environment gives a service for this machine only', () => {
    expect(readConfig({})).toMatchObject({ host: '127.0.0.1', port: 8000, databaseUrl: undefined, rateLimitPerMinute: 100, authRateLimitPerMinute: 20, trustedProxies: 0, serverTiming: { mode: 'off' }, otel: undefined })
  })

  test('an empty value counts as absent', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8000, databaseUrl: undefined })
  })

  test.each([
    ['PORT', '80a', 'a whole number'],
    ['PORT', '65536', 'from 0 to 65535'],
    ['PORT', '-1', 'a whole number'],
    ['HOST', 'two words', 'a host name'],
    ['DATABASE_URL', 'mysql://somewhere', 'postgres://'],
    ['DATABASE_POOL', '0', 'from 1 to 500'],
    ['RATE_LIMIT_PER_MINUTE', '0', 'from 1 to'],
    ['AUTH_RATE_LIMIT_PER_MINUTE', 'many', 'a whole number'],
    ['CORS_ORIGINS', '*', 'origins such as'],
    ['TRUST_PROXY', 'yes', 'a whole number'],
    ['LOG_LEVEL', 'loud', 'trace, debug'],
    ['SERVER_TIMING', 'yes', 'on, off or a token'],
    ['NODE_ENV', 'prod', 'development, test, production'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'http://'],
    ['OTEL_TRACES_SAMPLER_ARG', '2', 'a ratio'],
  ])('%s=%s is refused in one line that names it and what was expected', (name, value, expected) => {
    const read = (): unknown => readConfig({ [name]: value })
    expect(read).toThrow(ConfigError)
    expect(read).toThrow(new RegExp(`^${name}: found [^\n]*expected [^\n]*${expected}[^\n]*$`))
  })

  test.each(['AUTH_SECRET', 'METRICS_TOKEN', 'FAULTS_TOKEN'])('a short %s is refused without being repeated', (name) => {
    const read = (): unknown => readConfig({ [name]: 'hunter2' })
    expect(read).toThrow(`${name}: found 7 characters`)
    expect(read).not.toThrow('hunter2')
  })

  test('a password in DATABASE_URL is not repeated', () => {
    expect(() => readConfig({ DATABASE_URL: 'mysql://u:hunter2@h/d' })).not.toThrow('hunter2')
  })

  test('production needs AUTH_SECRET', () => {
    expect(() => readConfig({ NODE_ENV: 'production' })).toThrow(/^AUTH_SECRET: absent/)
    expect(readConfig({ NODE_ENV: 'production', AUTH_SECRET: secret }).authSecret).toBe(secret)
  })

  test('production refuses fault injection unless it is allowed by name', () => {
    const env = { NODE_ENV: 'production', AUTH_SECRET: secret, FAULTS_TOKEN: secret }
    expect(() => readConfig(env)).toThrow(/^FAULTS_TOKEN/)
    expect(readConfig({ ...env, FAULTS_ALLOW_PRODUCTION: '1' }).faultsToken).toBe(secret)
  })

  test('the OTEL variables give endpoint, headers and sampling', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/', OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b', OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }
    expect(readConfig(env).otel).toMatchObject({ endpoint: 'http://c:4318', headers: { 'api-key': 'a b' }, sampleRatio: 0.1 })
    expect(readConfig({ ...env, OTEL_SDK_DISABLED: 'true' }).otel).toBeUndefined()
  })
})
