export {
  above,
  aboveZero,
  alertedBy,
  below,
  colours,
  line,
  linkTo,
  logsLink,
  tracesLink,
  mergedQuantile,
  quantileLines,
  prometheus,
  steps,
} from './panel.ts'
export type { PanelOptions, PanelSpec, Query } from './panel.ts'
export { stat, stateMapping, stateNumber, stateTimeline, table, timeSeries } from './kinds.ts'
export type { States } from './kinds.ts'
