import type { Journey, Response, Step } from '../journey.ts'
import { authFlow, expectField, expectStatus, fieldOf } from './account.ts'
import { authorization } from './authorization.ts'
import { exportImport } from './export-import.ts'
import { rateLimit } from './rate-limit.ts'
import { taskCrud } from './task-crud.ts'

/** A journey of one step with the same name. */
function oneRequest(name: string, path: string, check: NonNullable<Step['check']>): Journey {
  return { name, steps: [{ name, request: () => ({ method: 'GET', path }), status: 200, check }] }
}

/** Is the process there. */
export const health = oneRequest('health', '/health', (response) =>
  expectField(response, 'status', 'healthy'),
)

// Which service is missing is in the body of the 503, and worth more than the status.
function expectReady(response: Response): string | undefined {
  const services = fieldOf(response, 'services')
  const missing =
    typeof services === 'object' && services !== null
      ? Object.entries(services).filter(([, works]) => works !== true)
      : []
  const problem =
    expectStatus(response, 200) ??
    expectField(response, 'status', 'ready') ??
    expectField(response, 'services.database', true) ??
    expectField(response, 'services.auth', true)
  const names = missing.map(([name]) => name.slice(0, 40)).slice(0, 5)
  return problem === undefined || names.length === 0 ? problem : `${problem}; not ready: ${names.join(', ')}`
}

/** Can it do its work: its database and its signing of tokens. */
export const ready = oneRequest('ready', '/health/ready', expectReady)

/** What users of the todo API do. Plain data and pure functions: k6 runs these files too. */
const journeys: Journey[] = [health, ready, authFlow, taskCrud, exportImport, authorization, rateLimit]

export default journeys
