export type * from './documents/run.ts'
export { failureClasses } from './documents/failure-classes.ts'
export type { FailureClass } from './documents/failure-classes.ts'
export { endpointOf, totalsOf } from './build.ts'
export type { Counts } from './build.ts'
export { environmentOf } from './environment.ts'
export type { MachineFacts } from './environment.ts'
export { countOf, histogramOf, latencyOf, mergeHistograms, quantile, roundMicros } from './histogram.ts'
export { runId } from './identity.ts'
export type { Random, WallClock } from './identity.ts'
export { isUnprintable, toOneLine, toPublicUrl } from './text.ts'
export type {
  FailedAttempt,
  ProbeOutcome,
  ProbeResult,
  ProbesReport,
  StepResult,
} from './documents/probes.ts'
