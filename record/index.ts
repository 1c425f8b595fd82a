export * from './run.ts'
export { countOf, histogramOf, latencyOf, mergeHistograms, quantile, roundMicros } from './histogram.ts'
