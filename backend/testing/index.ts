export { type Answer, Client, type Session, sessionOf } from './client.ts'
export { startTestPostgres, startTestService, testConfig, type TestPostgres, type TestService } from './service.ts'
export { BackendProcess, eventually } from './process.ts'
