import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

const secret = 'x'.repeat(32)

describe('readConfig', () => {
  test('an empty environment gives a service for this machine only', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      databaseUrl: undefined,
      rateLimitPerMinute: 100,
      authRateLimitPerMinute: 20,
      trustedProxies: 0,
      serverTiming: { mode: 'off' },
      otel: undefined,
    })
  })

  test('an empty value counts as absent', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8000, databaseUrl: undefined })
  })

  /** The refused values of each variable, with what is expected instead. */
  const refused: Record<string, Record<string, string>> = {
    PORT: { '80a': 'a whole number', '65536': 'from 0 to 65535', '-1': 'a whole number' },
    HOST: { 'two words': 'a host name' },
    DATABASE_URL: { 'mysql://somewhere': 'postgres://' },
    DATABASE_POOL: { '0': 'from 1 to 500' },
    RATE_LIMIT_PER_MINUTE: { '0': 'from 1 to' },
    AUTH_RATE_LIMIT_PER_MINUTE: { many: 'a whole number' },
    CORS_ORIGINS: { '*': 'origins such as' },
    TRUST_PROXY: { yes: 'a whole number' },
    LOG_LEVEL: { loud: 'trace, debug' },
    SERVER_TIMING: { yes: 'on, off or a token' },
    NODE_ENV: { prod: 'development, test, production' },
    OTEL_EXPORTER_OTLP_ENDPOINT: { 'collector:4318': 'http://' },
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: { 'grpc://collector:4317': 'http://' },
    OTEL_EXPORTER_OTLP_PROTOCOL: { grpc: 'http/protobuf, http/json' },
    OTEL_EXPORTER_OTLP_COMPRESSION: { zstd: 'none, gzip' },
    OTEL_EXPORTER_OTLP_TIMEOUT: { '0': 'from 100 to' },
    OTEL_TRACES_SAMPLER: { jaeger_remote: 'parentbased_traceidratio' },
    OTEL_TRACES_SAMPLER_ARG: { '2': 'a ratio' },
    OTEL_RESOURCE_ATTRIBUTES: { team: 'name=value pairs', 'team=100%': 'percent-encoded' },
    OTEL_METRIC_EXPORT_INTERVAL: { '5s': 'a whole number' },
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: { '4096': 'from 1 to 2048' },
    OTEL_PROPAGATORS: { b3: 'tracecontext' },
    OTEL_SDK_DISABLED: { yes: 'true, false' },
  }
  const refusals = Object.entries(refused).flatMap(([name, values]) =>
    Object.entries(values).map(([value, expected]) => [name, value, expected] as const),
  )
  test.each(refusals)(
    '%s=%s is refused in one line that names it and what was expected',
    (name, value, expected) => {
      const read = (): unknown => readConfig({ [name]: value })
      expect(read).toThrow(ConfigError)
      expect(read).toThrow(new RegExp(`^${name}: found [^\n]*expected [^\n]*${expected}[^\n]*$`))
    },
  )

  test.each(['AUTH_SECRET', 'METRICS_TOKEN', 'FAULTS_TOKEN'])(
    'a short %s is refused without being repeated',
    (name) => {
      const read = (): unknown => readConfig({ [name]: 'hunter2' })
      expect(read).toThrow(`${name}: found 7 characters`)
      expect(read).not.toThrow('hunter2')
    },
  )

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

  test('without an endpoint there is no telemetry, nor when it is disabled', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }
    expect(readConfig({ OTEL_SERVICE_NAME: 'x' }).otel).toBeUndefined()
    expect(readConfig({ ...env, OTEL_SDK_DISABLED: 'true' }).otel).toBeUndefined()
    expect(
      readConfig({ ...env, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'none' }).otel,
    ).toBeUndefined()
  })

  test('one endpoint serves both signals, by default as protobuf with every trace recorded', () => {
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:4318/otlp/' }).otel).toMatchObject({
      traces: {
        url: 'https://c:4318/otlp/v1/traces',
        protocol: 'http/protobuf',
        headers: {},
        compression: 'none',
        timeoutMs: 10_000,
      },
      metrics: { url: 'https://c:4318/otlp/v1/metrics' },
      resource: { 'service.name': 'todo-backend' },
      sampler: { ratio: 1, parentBased: true },
      metricIntervalMs: 60_000,
    })
  })

  test('what is said of one signal goes before what is said of both', () => {
    const { otel } = readConfig({
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-scope=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-scope=2',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:4318/as/it/is',
    })
    expect(otel?.traces).toMatchObject({
      url: 'http://t:4318/as/it/is',
      protocol: 'http/protobuf',
      headers: { 'api-key': 'a b', 'x-scope': '2' },
    })
    expect(otel?.metrics).toBeUndefined()
  })

  test.each([
    ['always_on', '0.1', { ratio: 1, parentBased: false }],
    ['always_off', '0.1', { ratio: 0, parentBased: false }],
    ['traceidratio', '0.1', { ratio: 0.1, parentBased: false }],
    ['parentbased_always_off', '0.1', { ratio: 0, parentBased: true }],
    ['parentbased_traceidratio', '0.1', { ratio: 0.1, parentBased: true }],
    ['parentbased_traceidratio', '', { ratio: 1, parentBased: true }],
  ])('the sampler %s with %s', (name, ratio, sampler) => {
    expect(
      readConfig({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
        OTEL_TRACES_SAMPLER: name,
        OTEL_TRACES_SAMPLER_ARG: ratio,
      }).otel?.sampler,
    ).toEqual(sampler)
  })

  test('OTEL_SERVICE_NAME goes before service.name among the resource attributes', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=one,team=a%2Cb',
    }
    expect(readConfig(env).otel?.resource).toEqual({ 'service.name': 'one', team: 'a,b' })
    expect(readConfig({ ...env, OTEL_SERVICE_NAME: 'other' }).otel?.resource).toEqual({
      'service.name': 'other',
      team: 'a,b',
    })
  })

  test('headers are refused without being repeated', () => {
    const read = (): unknown => readConfig({ OTEL_EXPORTER_OTLP_HEADERS: 'api-key: hunter2' })
    expect(read).toThrow(/^OTEL_EXPORTER_OTLP_HEADERS: found something else at number 1, expected [^\n]*$/)
    expect(read).not.toThrow('hunter2')
  })
})
