import { applyControl, judgeProcessControl } from '../../baselines/duet/index.ts'
import type { Control, DuetUnits } from '../../baselines/duet/index.ts'
import { comparisonDefaults, minPairs } from '../../baselines/compare/index.ts'
import type { Verdict } from '../../baselines/index.ts'
import { combineUnits, measureAttempt } from './attempt.ts'
import type { DuetRequest, DuetWorld } from './attempt.ts'

/** How much two processes of the baseline differ. */
export type ProcessControl =
  | { state: 'ok'; control: Control; units: DuetUnits }
  | { state: 'unavailable'; reason: string }

/**
 * Compares a second copy of the baseline with the baseline, as the duet compared the candidate: on a fresh
 * pair of processes, after the duet. A third process at the same time would be more load than the duet has,
 * and change what it measures.
 *
 * @param attempt number of its pair of processes
 */
export async function controlProcesses(
  request: DuetRequest,
  attempt: number,
  world: DuetWorld,
  measure = measureAttempt,
): Promise<ProcessControl> {
  const { source, targets, rules } = request
  if (source.kind === 'urls') return { state: 'unavailable', reason: 'vigil cannot start the services' }
  if (world.monotonicMs() > request.deadlineMs) return { state: 'unavailable', reason: 'the time ran out' }
  const { alpha, confidence } = comparisonDefaults
  world.progress.phase('comparing a second copy of the baseline with the baseline, as a control')
  const { launch, template } = source
  const { units, end, stopped } = await measure(
    {
      ...request,
      source: { ...source, launch: { baseline: launch.baseline, candidate: launch.baseline }, template },
      targets: { baseline: targets.baseline, candidate: targets.baseline },
      profile: false,
    },
    {
      attempt,
      order: world.random() < 0.5 ? ['baseline', 'candidate'] : ['candidate', 'baseline'],
      earlier: [],
      analyses: [{ pairs: minPairs, alpha, confidence }],
      planned: minPairs,
      isDecided: () => true,
    },
    world,
  )
  await stopped
  if (end.state !== 'ok')
    return { state: 'unavailable', reason: 'reason' in end ? end.reason : 'it was interrupted' }
  const combined = combineUnits(units)
  const control = judgeProcessControl(combined, rules)
  return control === undefined || units.length < minPairs
    ? { state: 'unavailable', reason: `${units.length} of ${minPairs} pairs were measured in time` }
    : { state: 'ok', control, units: combined }
}

/** A duet whose processes differ without a change of the code is no measurement. */
export function withProcessControl<Outcome extends { verdict: Verdict }>(
  outcome: Outcome,
  processControl: ProcessControl,
): Outcome & { processControl: ProcessControl } {
  const control = processControl.state === 'ok' ? processControl.control : undefined
  return { ...outcome, processControl, verdict: applyControl(outcome.verdict, control) }
}
