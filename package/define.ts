import type { Config } from '../config/index.ts'
import type { Journey } from '../journeys/index.ts'

/*
 * k6 loads this file when journeys import it. So it imports types only.
 */

/** Gives an editor the types, and returns its argument. */
export function defineConfig(config: Config): Config {
  return config
}

/** Gives an editor the types, and returns its argument. */
export function defineJourneys(journeys: Journey[]): Journey[] {
  return journeys
}
