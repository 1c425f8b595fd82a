import type { Clocks } from './watch.ts'

/** What the engine takes from the process it runs in; tests pass their own. */
export interface EngineWorld extends Clocks {
  env: NodeJS.ProcessEnv
}

export function processWorld(): EngineWorld {
  return { env: process.env, monotonicMs: () => performance.now(), wallMs: () => Date.now() }
}
