import { join } from 'node:path'
import { toSetting } from '../../../load/capacity/index.ts'
import type { Sample, Setting } from '../../../load/capacity/index.ts'
import type { FoundEngine, SuitePlan } from '../../shared/suites.ts'
import { newRunId, withTarget } from '../../shared/session.ts'
import type { Session } from '../../shared/session.ts'
import { measureAt } from './levels.ts'

/** A variable of the service's environment and the values to try, in the order given. */
export interface Variation {
  variable: string
  values: readonly string[]
}

export type Varied = { state: 'measured'; settings: Setting[] } | { state: 'unreachable'; reason: string }

/**
 * Starts the service once with each value in each round and loads it alike. The order turns from round to round, so that
 * what drifts in the machine falls on all values.
 */
export async function measureSettings(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  { variable, values }: Variation,
  load: number,
  rounds: number,
): Promise<Varied> {
  const samples = new Map<string, Sample[]>(values.map((value) => [value, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const value of round % 2 === 0 ? values : values.toReversed()) {
      session.progress.phase(`${variable}=${value}, round ${round + 1} of ${rounds}`)
      const varied = withEnvironment(session, variable, value)
      const logFile = join(session.out, 'runs', newRunId(session, 'capacity'), 'target.log')
      const reached = await withTarget(varied, { load: true, logFile }, async () =>
        measureAt(varied, plan, found, load),
      )
      if (session.world.interrupted.aborted) return { state: 'unreachable', reason: 'interrupted' }
      if (reached.state === 'unreachable')
        return { state: 'unreachable', reason: `${variable}=${value}: ${reached.reason}` }
      samples.get(value)?.push(reached.result)
    }
  }
  return { state: 'measured', settings: [...samples].map(([value, of]) => toSetting(value, of)) }
}

function withEnvironment(session: Session, variable: string, value: string): Session {
  const { config } = session.loaded
  const target = { ...config.target, env: { ...config.target.env, [variable]: value } }
  return { ...session, loaded: { ...session.loaded, config: { ...config, target } } }
}
