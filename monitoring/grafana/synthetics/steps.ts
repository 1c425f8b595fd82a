import config from '../../../vigil.config.ts'
import { toStepKey } from '../../../journeys/index.ts'
import journeys from '../../../journeys/todo/index.ts'

/** A step that load suites measure, and the endpoint of the API that serves it. */
export interface MeasuredStep {
  step: string
  method: string
  route: string
}

/** What the steps would know by then. An identifier in a path stands where the API's route has its parameter. */
const context = { user: 1, iteration: 1, unique: 'unique', accessToken: 'token', taskId: ':id' }

/** Every step of the journeys in the config's load suites: the same names as in `vigil_run_…{step}`, the same routes as in `http_…{route}`. */
export function measuredSteps(): MeasuredStep[] {
  const loaded = new Set(Object.values(config.suites).flatMap((suite) => Object.keys(suite.journeys ?? {})))
  return journeys
    .filter(({ name }) => loaded.has(name))
    .flatMap((journey) =>
      journey.steps.map((step) => {
        const { method, path } = step.request(context)
        return { step: toStepKey(journey.name, step.name), method, route: path.split('?', 1)[0] ?? path }
      }),
    )
}
