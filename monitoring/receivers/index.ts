export { findNamedAlerts, startHttpService } from './delivery.ts'
export type { Delivery, HttpRequest, HttpService, ReceiverResponse, Via } from './delivery.ts'
export { startReceivers } from './receivers.ts'
export type { ReceiverAddresses, Receivers, ReceiversPlan, ReceiversStarted } from './receivers.ts'
