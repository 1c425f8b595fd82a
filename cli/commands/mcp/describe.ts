import { defaultWarmupSeconds } from '../../../config/index.ts'
import type { Config, LoadedConfig } from '../../../config/index.ts'
import { resolveProbeLimits } from '../../../synthetics/index.ts'
import { toPublicUrl } from '../../../reports/wording/index.ts'

type SuiteLoad = Config['suites'][string]['load']

/** `vigil.project/1`: what a config lets vigil load and probe. */
export interface Project {
  schema: 'vigil.project/1'
  config: string
  target: { url: string; startedByVigil: boolean }
  suites: Record<
    string,
    {
      engine: string
      /** The load in words. */
      load: string
      warmupSeconds: number
      durationSeconds: number
      journeys?: Record<string, number>
      script?: string
      budgets: object
    }
  >
  probes: Record<string, { plays: string; every?: string; timeoutMs: number; attempts: number }>
  gate: { suites: string[]; probes: string[] }
}

export function describeProject({ config, file }: LoadedConfig): Project {
  const suites = Object.entries(config.suites).map(([name, suite]) => {
    const { engine, load, warmupSeconds = defaultWarmupSeconds, durationSeconds, journeys, script } = suite
    const budgets = suite.budgets ?? config.budgets ?? {}
    const figures = { engine, load: describeLoad(load, script), warmupSeconds, durationSeconds, budgets }
    return [name, { ...figures, ...(journeys && { journeys }), ...(script && { script }) }] as const
  })
  const probes = Object.entries(config.probes ?? {}).map(([name, probe]) => {
    const plays = 'journey' in probe ? `journey ${probe.journey}` : `spec ${probe.spec}`
    return [
      name,
      { plays, ...(probe.every && { every: probe.every }), ...resolveProbeLimits(probe) },
    ] as const
  })
  return {
    schema: 'vigil.project/1',
    config: file,
    target: { url: toPublicUrl(config.target.url), startedByVigil: config.target.command !== undefined },
    suites: Object.fromEntries(suites),
    probes: Object.fromEntries(probes),
    gate: {
      suites: config.gate?.suites ?? Object.keys(config.suites),
      probes: config.gate?.probes ?? Object.keys(config.probes ?? {}),
    },
  }
}

function describeLoad(load: SuiteLoad, script: string | undefined): string {
  if (script !== undefined) return 'as the k6 script sets it'
  return 'connections' in load
    ? `${load.connections} connections kept busy`
    : `${load.ratePerSecond} journeys started per second`
}
