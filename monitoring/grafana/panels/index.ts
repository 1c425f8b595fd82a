export {
  above,
  aboveZero,
  alertedBy,
  below,
  colours,
  line,
  linkTo,
  quantileLines,
  prometheus,
  steps,
} from './panel.ts'
export type { PanelOptions, PanelSpec, Query } from './panel.ts'
export { stat, stateMapping, stateNumber, stateTimeline } from './states.ts'
export type { States } from './states.ts'
export { table, timeSeries } from './values.ts'
