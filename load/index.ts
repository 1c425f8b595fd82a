export type {
  ArrivalRate,
  Connections,
  EndpointMeasurement,
  Engine,
  JourneyMix,
  KubernetesPlan,
  LoadPlan,
  LoadProgress,
  LoadResult,
  LoadEnvironment,
  Measurement,
  ScriptInspection,
  UserScript,
} from './engine.ts'
export { toRecord, toEmptyRecord, toRefusalRecord } from './record.ts'
export type { RecordFacts } from './record.ts'
