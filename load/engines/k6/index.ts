export { createK6Engine, createKubernetesEngine } from './engine.ts'
export { CountsSum, readSummary } from './summary.ts'
export { readModules } from './journey-modules.ts'
