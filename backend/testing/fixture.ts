import { afterAll, beforeAll } from 'vitest'
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
