export { localizeAlertmanager, readReceiverNames } from './alertmanager-config.ts'
export type { LocalReceivers } from './alertmanager-config.ts'
export { findMissingFile, locateProduction, locateShownFiles } from './configure.ts'
export {
  createStackConsole,
  describeDownTargets,
  formatNotification,
  formatStackTable,
  formatUp,
} from './console.ts'
export type { StackConsole } from './console.ts'
export { endStaleParts, endSupervisor, startDetached } from './detached.ts'
export type { DetachedPlan, DetachedResult } from './detached.ts'
export { locateGenerated, writeGenerated } from './generated.ts'
export type { GeneratedMonitoring } from './generated.ts'
export { componentNames, isComponent, stackToolNames } from './plan.ts'
export type { Component, ComponentName, Production, StackEvent, StackPlan, StackToolName } from './plan.ts'
export { durationText, renderFile, renderLink, renderTable, renderTag } from './page/layout.ts'
export { renderMessage } from './page/messages.ts'
export { localizePrometheus } from './prometheus-config.ts'
export { startStack, startTodoDatabase, startTodoService } from './stack.ts'
export type { TodoServiceOptions } from './stack.ts'
export { readState, release } from './detached.ts'
export type { StackState } from './detached.ts'
export { superviseStack } from './supervisor.ts'
export type { SupervisorListener, SupervisorResult } from './supervisor.ts'
