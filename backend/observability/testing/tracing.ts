import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { BackendProcess, startTestPostgres } from '../../testing/index.ts'
import type { Client, TestPostgres } from '../../testing/index.ts'
import { OtlpReceiver } from '../../testing/otlp.ts'
import type { ReceivedSpan } from '../../testing/otlp.ts'

const shortDelays = {
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_METRIC_EXPORT_INTERVAL: '250',
  CACHE_ENTRIES: '0',
}

export interface TracingFixture {
  receiver: OtlpReceiver
  databaseUrl: string
  /** Starts a backend that exports to the receiver, until the end of the test. */
  start: (env: Record<string, string>) => Promise<{ backend: BackendProcess; client: Client }>
}

/** Starts a PostgreSQL and an OTLP receiver before the tests of a file, and stops them afterwards. */
export function useTracing(): TracingFixture {
  let running: { postgres: TestPostgres; receiver: OtlpReceiver; databaseUrl: string } | undefined
  beforeAll(async () => {
    const [postgres, receiver] = await Promise.all([startTestPostgres(), OtlpReceiver.start()])
    running = { postgres, receiver, databaseUrl: await postgres.newDatabase() }
  })
  afterAll(async () => {
    await Promise.all([running?.postgres.close(), running?.receiver.end()])
  })
  const requireRunning = () => {
    if (running === undefined) throw new Error('the receiver of this test file has not started')
    return running
  }
  return {
    get receiver() {
      return requireRunning().receiver
    },
    get databaseUrl() {
      return requireRunning().databaseUrl
    },
    start: async (env) => {
      const { databaseUrl, receiver } = requireRunning()
      const backend = new BackendProcess({
        DATABASE_URL: databaseUrl,
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
        ...shortDelays,
        ...env,
      })
      onTestFinished(() => backend.end())
      return { backend, client: await backend.ready() }
    },
  }
}

export interface Caller {
  traceId: string
  spanId: string
  traceparent: string
}

/** A caller with a random trace. `flags`: whether it records. */
export function createCaller(flags: '00' | '01'): Caller {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

export function findSpan(spans: readonly ReceivedSpan[], name: string): ReceivedSpan | undefined {
  return spans.find((span) => span.name === name)
}
