import { afterAll, afterEach, beforeAll } from 'vitest'
import type { Answer, Client } from './client.ts'
import { startTestPostgres, startTestService } from './service.ts'
import type { TestPostgres, TestService } from './service.ts'

export interface TestFixture extends Omit<TestService, 'stop'> {
  /** Creates another database on the same PostgreSQL. */
  newDatabase: () => Promise<string>
}

/** Starts a PostgreSQL and the service before the tests of a file, and stops them afterwards. */
export function useTestService(env: Record<string, string> = {}): TestFixture {
  let postgres: TestPostgres | undefined
  let running: TestService | undefined
  beforeAll(async () => {
    postgres = await startTestPostgres()
    running = await startTestService(await postgres.newDatabase(), env)
  })
  afterAll(async () => {
    await running?.stop()
    await postgres?.close()
  })
  const requireRunning = (): TestService => {
    if (running === undefined) throw new Error('the service of this test file has not started')
    return running
  }
  return {
    newDatabase: async () => {
      if (postgres === undefined) throw new Error('the PostgreSQL of this test file has not started')
      return postgres.newDatabase()
    },
    get client() {
      return requireRunning().client
    },
    get service() {
      return requireRunning().service
    },
    get url() {
      return requireRunning().url
    },
  }
}

export interface FaultFixture {
  running: TestFixture
  token: string
  /** The headers of a request to the switch. */
  bearer: Record<string, string>
  /** Replaces the rules in force. */
  put: (rules: unknown, ttlSeconds?: unknown, client?: Client) => Promise<Answer>
}

/** Starts a service in which faults can be injected. Each test begins without any. */
export function useFaults(): FaultFixture {
  const token = 'a token for the faults of this test'
  const bearer = { authorization: `Bearer ${token}` }
  const running = useTestService({ FAULTS_TOKEN: token, RATE_LIMIT_PER_MINUTE: '20', DATABASE_POOL: '4' })
  afterEach(async () => {
    await running.client.send('DELETE', '/_faults', undefined, bearer)
  })
  return {
    running,
    token,
    bearer,
    put: (rules, ttlSeconds = 60, client = running.client) =>
      client.send('PUT', '/_faults', { rules, ttlSeconds }, bearer),
  }
}
