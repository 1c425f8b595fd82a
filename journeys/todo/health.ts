import type { Journey } from '../journey.ts'
import { expectField, expectStatus } from './expect.ts'

/** Is the process there. */
export const health: Journey = {
  name: 'health',
  steps: [
    {
      name: 'health',
      request: () => ({ method: 'GET', path: '/health' }),
      check: (response) => expectStatus(response, 200) ?? expectField(response, 'status', 'healthy'),
    },
  ],
}
