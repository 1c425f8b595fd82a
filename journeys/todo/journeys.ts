import type { Journey } from '../journey.ts'
import { authFlow } from './auth-flow.ts'
import { authorization } from './authorization.ts'
import { exportImport } from './export-import.ts'
import { health } from './health.ts'
import { rateLimit } from './rate-limit.ts'
import { ready } from './ready.ts'
import { taskCrud } from './task-crud.ts'

/** What users of the todo API do. Plain data and pure functions: k6 runs these files too. */
const journeys: Journey[] = [health, ready, authFlow, taskCrud, exportImport, authorization, rateLimit]

export default journeys
