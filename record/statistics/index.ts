export { binomialUpperTail, normalUpperTail, tCritical, tUpperTail } from './distributions.ts'
export { lagOneCorrelation, median, varianceInflation } from './series.ts'
