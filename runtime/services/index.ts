export {
  runnableAlertmanager,
  startAlertmanager,
  startNodeExporter,
  startPostgresExporter,
  startProcessExporter,
  startPrometheus,
  startPushgateway,
} from './monitoring.ts'
export type {
  AlertmanagerOptions,
  ExporterOptions,
  MonitoredDatabase,
  PostgresExporterOptions,
  ProcessExporterOptions,
  PrometheusOptions,
} from './monitoring.ts'
export { freePort, isFree, waitReady } from './launch.ts'
export type { Readiness } from './launch.ts'
export { ServiceGroup, ServiceNotStarted } from './group.ts'
export type { UnexpectedEnd } from './group.ts'
export { startProcess, startService } from './launch.ts'
export type {
  ProcessPlan,
  RunningProcess,
  RunningService,
  Service,
  ServiceOptions,
  ServicePlan,
  StartResult,
  ToolOptions,
} from './launch.ts'
