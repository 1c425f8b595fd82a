export { runDeploymentDrill } from './deployment/deployment.ts'
export type { DeploymentResult } from './deployment/deployment.ts'
export { findDrillTools, startDrillEnvironment } from './environment/environment.ts'
export { drillGenerated, generatedAlert } from './generated/generated.ts'
export { drillsPage } from './run/page.ts'
export {
  drillListDocument,
  drillListText,
  drillsDocument,
  drillsJunit,
  drillsText,
  judgeDrills,
} from './run/report.ts'
export { runDrills, usualRequestsPerSecond } from './run/run-drills.ts'
export type { DrillsReport } from './run/run-drills.ts'
export type { Drill, DrillResult } from './table/drill.ts'
export { drills, findDrills } from './table/drills.ts'
