export type {
  ArrivalRate,
  Connections,
  EndpointMeasurement,
  Engine,
  JourneyMix,
  LoadPlan,
  LoadProgress,
  LoadResult,
  LoadSurroundings,
  Measurement,
  UserScript,
} from './engine.ts'
export { recordOf, recordOfNothing, recordOfRefusal } from './record.ts'
export type { RunFacts } from './record.ts'
