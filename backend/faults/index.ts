export { Faults } from './faults.ts'
export { buildFaultEndpoints, faultsPath } from './routes.ts'
