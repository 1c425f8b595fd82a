import type { Journey } from '../journey.ts'
import { authFlow } from './auth-flow.ts'
import { health } from './health.ts'
import { taskCrud } from './task-crud.ts'

/** What users of the todo API do. Plain data and pure functions: k6 runs these files too. */
const journeys: Journey[] = [health, authFlow, taskCrud]

export default journeys
