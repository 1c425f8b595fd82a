export { Faults } from './faults.ts'
export { faultRoutes, faultsPath } from './routes.ts'
