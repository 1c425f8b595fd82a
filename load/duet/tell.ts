import { judgeDuet, tell } from '../../baselines/duet/index.ts'
import type { Known } from '../../baselines/duet/index.ts'
import { looksAt } from '../../baselines/compare/index.ts'
import { measure, unitsOf } from './attempt.ts'
import type { DuetRequest, DuetWorld } from './attempt.ts'
import type { Side } from './inside/sides.ts'

/** After how many pairs a commit of a bisect is looked at. */
const tellingLooks = [2, 8, 10, 12, 14, 16, 20, 24] as const

/** `unbuildable`: its side could not be started, or fails what the journeys need. */
export type Told =
  | { state: 'told'; side: 'good' | 'bad' }
  | { state: 'open' }
  | { state: 'unbuildable'; reason: string }
  | { state: 'interrupted' }
  | { state: 'failed'; reason: string }

/** Whether the candidate of a request is on the good or the bad side of a known change, in as few pairs as that takes. */
export async function tellDuet(request: DuetRequest, known: Known, world: DuetWorld): Promise<Told> {
  const order: [Side, Side] = world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline']
  const looks = looksAt(tellingLooks.filter((pairs) => known.rule === 'exact' || pairs > 2))
  const { verdict, end, units } = await measure(
    request,
    {
      attempt: 0,
      order,
      earlier: [],
      looks,
      planned: looks.at(-1)?.pairs ?? request.pairs,
      sure: (looked) => tell(known, looked) !== undefined,
    },
    world,
  )
  if (world.signal.aborted) return { state: 'interrupted' }
  if (end.state === 'refused' || end.state === 'not started' || end.state === 'died')
    return end.side === 'candidate'
      ? { state: 'unbuildable', reason: end.reason }
      : { state: 'failed', reason: end.reason }
  if (end.state === 'unmeasured' || end.state === 'misused') return { state: 'failed', reason: end.reason }
  const side = tell(known, verdict ?? judgeDuet(unitsOf(units), request.rules))
  return side === undefined ? { state: 'open' } : { state: 'told', side }
}
