import { nextStep, toSample } from '../../../load/capacity/index.ts'
import type { Knee, Sample, SearchPlan } from '../../../load/capacity/index.ts'
import { writeRun } from '../../shared/artefacts.ts'
import type { FoundEngine, SuitePlan } from '../../shared/suites.ts'
import { measureSuite } from '../../shared/measure.ts'
import type { Session } from '../../shared/session.ts'
import { machineLoad } from './machine.ts'

/** Loads the target step by step until the knee is known. What was measured until an interrupt is kept. */
export async function searchKnee(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  search: SearchPlan,
): Promise<{ samples: Sample[]; knee: Knee }> {
  const samples: Sample[] = []
  for (;;) {
    const next = nextStep(samples, search)
    if (next.kind === 'done') return { samples, knee: next.knee }
    const sample = await measureAt(session, plan, found, next.load)
    if (session.world.interrupted.aborted) return { samples, knee: { state: 'unknown' } }
    samples.push(sample)
    session.progress.phase(`  ${sampleWords(sample)}`)
  }
}

/** One run of the suite at a load of its kind. */
export async function measureAt(
  session: Session,
  plan: SuitePlan,
  found: FoundEngine,
  load: number,
): Promise<Sample> {
  const at = plan.suite.engine === 'k6' ? { ratePerSecond: load } : { connections: load }
  const machine = machineLoad(session.targetUrl)
  const judged = await measureSuite(session, { ...plan, suite: { ...plan.suite, load: at } }, found)
  const sample = toSample(load, judged.run, judged.verdict, machine())
  for (const problem of await writeRun(judged)) session.progress.warn(problem)
  return sample
}

function sampleWords({ outcome, because, throughputRps, p95Ms }: Sample): string {
  const figures = `${Math.round(throughputRps)} requests/s, p95 ${p95Ms.toPrecision(3)} ms`
  const [first] = because
  switch (outcome) {
    case 'kept':
      return `kept: ${figures}`
    case 'broke':
      return `broke: ${first ?? ''} (${figures})`
    case 'unmeasured':
      return `not measured: ${first ?? 'no reason given'}`
  }
}
