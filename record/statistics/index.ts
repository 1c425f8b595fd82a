export {
  binomialUpperTail,
  normalUpperTail,
  tCritical,
  tUpperTail,
  lagOneCorrelation,
  median,
  varianceInflation,
} from './statistics.ts'
