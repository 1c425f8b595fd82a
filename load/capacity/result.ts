import type { Forecast } from './forecast.ts'
import type { Setting } from './levels.ts'
import type { Level } from './levels.ts'
import type { Saturated } from './saturation.ts'
import type { Knee } from './search.ts'

/** What `vigil capacity --json` prints: `vigil.capacity/1`. */
export interface CapacityResult {
  schema: 'vigil.capacity/1'
  suite: string
  engine: string
  /** What a load counts. */
  loadUnit: 'journeys/s' | 'connections'
  target: string
  startedAt: string
  knee: Knee
  /** Requests per second at the highest load that keeps every budget. */
  capacityRps: number | undefined
  levels: Level[]
  saturation: Saturated[]
  settings: { variable: string; load: number; results: Setting[]; enough: string | undefined } | undefined
  forecasts: NamedForecast[]
}

export interface NamedForecast {
  name: string
  query: string
  unit: 'bytes' | 'per second' | undefined
  limit: number | undefined
  forecast: Forecast | { state: 'unknown'; reason: string }
}
