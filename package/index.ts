export { defineConfig, defineJourneys } from './define.ts'
export type { Config, ProbeConfig, SuiteConfig, TargetConfig } from '../config/index.ts'
export type {
  Context,
  FilePart,
  FormValue,
  Journey,
  Response,
  Secrets,
  Step,
  StepRequest,
  Until,
} from '../journeys/index.ts'
