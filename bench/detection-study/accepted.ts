import type { Run } from '../../record/index.ts'
import { acceptRuns, compareWithBaseline } from '../../baselines/accepted/index.ts'
import type { Baseline } from '../../baselines/accepted/index.ts'
import { toVerdictWord } from '../../baselines/index.ts'
import type { Verdict, VerdictRow } from '../../baselines/index.ts'
import { machine, noiseLevels, seeded, slotSeconds } from './machine.ts'
import type { RandomSource } from './machine.ts'
import { simulateBlock } from './service.ts'
import type { Change } from './service.ts'

/** A machine on which runs are made and accepted; standard deviations of the logarithm of latency. */
export interface AcceptedPlan {
  /** From one run to the next. */
  runNoise: number
  /** From one session (another hour) to the next. */
  drift: number
  sessions: number
  runsPerSession: number
}

const ratePerSecond = 100
const seconds = 15
const dayMs = 86_400_000
const minuteMs = 60_000

/** Creates runs of a simulated service: in a `session`, with a `change`. */
export function runMaker(
  { runNoise, drift }: Pick<AcceptedPlan, 'runNoise' | 'drift'>,
  random: RandomSource,
): (session: number, change?: Change) => Run {
  const next = machine({ ...noiseLevels.quiet, drift: 0 }, random)
  const offsets = new Map<number, number>()
  let made = 0
  return (session, change = {}) => {
    const offset = offsets.get(session) ?? drift * random.normal()
    offsets.set(session, offset)
    const own = offset + runNoise * random.normal()
    const slowness = next(Math.round(seconds / slotSeconds)).map((log) => log + own)
    made += 1
    return {
      ...simulateBlock({ seconds, ratePerSecond, slowness, change, writer: 'hdr' }, random),
      id: `run-${String(made).padStart(4, '0')}`,
      suite: 'browse',
      engine: 'k6',
      target: { url: 'http://127.0.0.1:8000' },
      environment: { fingerprint: 'simulated' },
      startedAt: new Date(Date.UTC(2026, 0, 1) + session * dayMs + made * minuteMs).toISOString(),
      durationMs: seconds * 1000,
      load: { model: 'arrival-rate', ratePerSecond },
      server: {
        cpuMsPerRequest: 1.2 * Math.exp(own),
        statementsPerRequest: 1.5 * Math.exp(0.002 * random.normal()),
      },
      validity: { valid: true, reasons: [] },
    }
  }
}

/** Accepts runs as the command does, whatever their own verdict would be. Throws when they are refused. */
export function accept(existing: Baseline | undefined, runs: readonly Run[]): Baseline {
  const accepted = acceptRuns(
    existing,
    runs.map((run) => ({ run, verdict: passed(run) })),
  )
  if (accepted.state === 'invalid') throw new Error(accepted.reasons.join('\n'))
  return accepted.baseline
}

export function passed(run: Pick<Run, 'id'>): Verdict {
  return {
    schema: 'vigil.verdict/1',
    verdict: 'pass',
    rows: [{ rule: 'budget', step: null, metric: 'p95Ms', status: 'pass', message: 'simulated' }],
    run: run.id,
  }
}

/**
 * A run with a change, a session later than its baseline (or in the same one), compared with it. The same
 * seed gives the same rows.
 */
export function simulateHeld(
  plan: AcceptedPlan,
  change: Change,
  seed: number,
  sameSession = false,
): VerdictRow[] {
  const make = runMaker(plan, seeded(seed))
  const runs = Array.from({ length: plan.sessions * plan.runsPerSession }, (_, index) =>
    make(Math.floor(index / plan.runsPerSession)),
  )
  return compareWithBaseline(accept(undefined, runs), make(plan.sessions - (sameSession ? 1 : 0), change))
}

/** The share of `cases` that are red. */
export function redShare(
  plan: AcceptedPlan,
  change: Change,
  cases: number,
  first: number,
  sameSession = false,
): number {
  let red = 0
  for (let i = 0; i < cases; i += 1) {
    const rows = simulateHeld(plan, change, first + i, sameSession)
    if (rows.some(({ status }) => status !== 'skipped') && toVerdictWord(rows) === 'fail') red += 1
  }
  return red / cases
}
