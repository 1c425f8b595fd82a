/* The face of journeys: k6 loads it too. */
export { cookieHeader, saveCookies } from '../journeys/index.ts'
export { defineJourneys } from './define.ts'
export type {
  Context,
  Cookies,
  FilePart,
  FormValue,
  Journey,
  Response,
  Secrets,
  Step,
  StepRequest,
  Until,
} from '../journeys/index.ts'
