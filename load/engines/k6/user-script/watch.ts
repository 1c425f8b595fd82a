import type { LoadProgress, LoadEnvironment } from '../../../engine.ts'
import { watchCpu } from '../cpu.ts'
import type { CpuWork } from '../cpu.ts'
import type { Watch } from '../watch.ts'
import type { EngineWorld } from '../world.ts'

/** Follows a user's script: it is measured from its first sample to its last. */
export interface ScriptWatch extends Pick<Watch, 'stop' | 'hasStarted'> {
  /** A sample of its load has come. */
  sampled: () => void
  seen: () => { cpu: CpuWork | undefined; measuredMs: number }
}

const secondMs = 1000

/**
 * @param now figures for the progress
 * @param group of k6's processes, or undefined when it did not start
 */
export function watchScript(
  plan: { durationMs: number },
  now: () => Pick<LoadProgress, 'requestsPerSecond' | 'p95Ms' | 'errors'>,
  group: number | undefined,
  surroundings: Pick<LoadEnvironment, 'progress' | 'measuring'>,
  world: EngineWorld,
): ScriptWatch {
  let began: { atMs: number; cpu: (() => CpuWork | undefined) | undefined } | undefined
  let lastAtMs = 0
  let cpu: CpuWork | undefined
  let stopped = false
  const tell = (phase: LoadProgress['phase']): void => {
    // How long a script takes is its own affair; the suite's duration is the best guess there is.
    const leftMs = began === undefined || stopped ? 0 : began.atMs + plan.durationMs - world.monotonicMs()
    surroundings.progress({ phase, secondsLeft: Math.max(0, leftMs / secondMs), ...now() })
  }
  const timer = setInterval(() => {
    if (began) cpu = began.cpu?.() ?? cpu
    tell(began ? 'measure' : 'prepare')
  }, secondMs)
  tell('prepare')
  return {
    sampled: () => {
      lastAtMs = world.monotonicMs()
      if (began !== undefined || stopped) return
      began = { atMs: lastAtMs, cpu: group === undefined ? undefined : watchCpu(group, world.monotonicMs) }
      surroundings.measuring('begin')
      tell('measure')
    },
    stop: () => {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      if (began) surroundings.measuring('end')
      tell('finish')
    },
    hasStarted: () => began !== undefined,
    seen: () => ({ cpu, measuredMs: began === undefined ? 0 : lastAtMs - began.atMs }),
  }
}
