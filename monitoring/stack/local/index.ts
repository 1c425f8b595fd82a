export { localAlertmanager, receiverNames } from './alertmanager.ts'
export type { LocalAlertmanager, LocalAlertmanagerPlan, LocalReceivers } from './alertmanager.ts'
export { localPrometheus } from './prometheus.ts'
export type { LocalPrometheus, LocalPrometheusPlan } from './prometheus.ts'
