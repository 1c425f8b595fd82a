import { join } from 'node:path'
import { cpus } from 'node:os'
import { toSetting, nextStep, toSample } from '../../../load/capacity/index.ts'
import type { Sample, Setting, Knee, SearchPlan } from '../../../load/capacity/index.ts'
import type { FoundEngine, SuitePlan } from '../../shared/suites.ts'
import { newRunId } from '../../shared/session.ts'
import { withTarget } from '../../shared/target.ts'
import type { Session } from '../../shared/session.ts'
import { writeRun } from '../../shared/artefacts.ts'
import { formatNumber } from '../../../reports/wording/index.ts'
import { measureSuite } from '../../shared/measure.ts'
import type { Variation } from './command.ts'

/** A variable of the service's environment and the values to try, in the order given. */
export type Varied = { state: 'ok'; settings: Setting[] } | { state: 'unavailable'; reason: string }

/**
 * Starts the service once with each value in each round, under the same load. The order is reversed in every
 * other round, so that drift of the machine affects all values alike.
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
      if (session.world.interrupted.aborted) return { state: 'unavailable', reason: 'interrupted' }
      if (reached.state === 'unavailable')
        return { state: 'unavailable', reason: `${variable}=${value}: ${reached.reason}` }
      samples.get(value)?.push(reached.value)
    }
  }
  return { state: 'ok', settings: [...samples].map(([value, of]) => toSetting(value, of)) }
}

function withEnvironment(session: Session, variable: string, value: string): Session {
  const { config } = session.loaded
  const target = { ...config.target, env: { ...config.target.env, [variable]: value } }
  return { ...session, loaded: { ...session.loaded, config: { ...config, target } } }
}

/** Raises the load step by step until the knee is known. After an interrupt, keeps what was measured. */
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

/** Runs the suite once at a load: journeys per second or connections, as its engine has it. */
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
  const figures = `${Math.round(throughputRps)} requests/s, p95 ${formatNumber('ms', p95Ms)} ms`
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

const local = new Set(['127.0.0.1', '[::1]', 'localhost'])

/**
 * Starts measuring the CPU utilization of this machine. The returned function returns the ratio; undefined
 * for a target on another machine.
 */
export function machineLoad(targetUrl: string): () => number | undefined {
  if (!local.has(new URL(targetUrl).hostname)) return () => undefined
  const before = cpuTimes()
  return () => {
    const after = cpuTimes()
    const all = after.all - before.all
    return all <= 0 ? undefined : 1 - (after.idle - before.idle) / all
  }
}

function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map((cpu) => cpu.times)
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    all: times.reduce((sum, { idle, irq, nice, sys, user }) => sum + idle + irq + nice + sys + user, 0),
  }
}
