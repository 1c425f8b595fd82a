export { Faults } from './faults.ts'
export { faultEndpoints, faultsPath } from './routes.ts'
