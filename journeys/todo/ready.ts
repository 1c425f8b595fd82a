import type { Journey, Response } from '../journey.ts'
import { expectField, expectStatus, fieldOf } from './expect.ts'

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
export const ready: Journey = {
  name: 'ready',
  steps: [{ name: 'ready', request: () => ({ method: 'GET', path: '/health/ready' }), check: expectReady }],
}
