export type * from './documents/run.ts'
export type { Bucket, Histogram } from './documents/histogram.ts'
export { failureClasses } from './documents/run.ts'
export type { FailureClass } from './documents/run.ts'
export { endpointOf, totalsOf } from './histogram.ts'
export type { Counts } from './histogram.ts'
export { compactTarget, environmentOf, identifyLoad, identifyTarget } from './environment.ts'
export type { MachineFacts } from './environment.ts'
export { findContradiction } from './histogram.ts'
export {
  countOf,
  HistogramSum,
  histogramOf,
  latencyOf,
  mergeHistograms,
  quantile,
  roundMicros,
} from './histogram.ts'
export {
  nativeSchema,
  nativeZeroThreshold,
  toBucketIndex,
  toNativeSeries,
  toSpans,
  toUpperBound,
} from './native-histogram.ts'
export type { NativeSeries } from './native-histogram.ts'
export { runId } from './environment.ts'
export type { Random, WallClock } from './environment.ts'
export { describeMissingPackage, needsPackage } from './optional-packages.ts'
export { maxScriptEntries } from './documents/script.ts'
export type { ScriptCheck, ScriptMetric, ScriptMetricKind, ValueHistogram } from './documents/script.ts'
export { isScriptStat, percentOf, readStat, statsByType, valueQuantile } from './script-metrics.ts'
export type { ScriptStat } from './script-metrics.ts'
export { createNameFitter, fitName } from './text.ts'
export { isUnprintable, toOneLine, toPublicUrl } from './text.ts'
export type {
  FailedAttempt,
  ProbeOutcome,
  ProbeResult,
  ProbesReport,
  StepResult,
} from './documents/probes.ts'
