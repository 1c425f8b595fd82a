import { sleep } from 'k6'
import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { startContext } from '../../../../journeys/interpret.ts'
import type { Context, Journey } from '../../../../journeys/journey.ts'
import { lateness, sinceMeasured, warmups } from './metrics.ts'
import { optionsOf } from './options.ts'
import { playerOf, prepareJourneys } from './player.ts'
import type { PreparedJourney } from './player.ts'
import { summaryOf } from './summary-of.ts'
import type { K6Summary } from './summary-of.ts'
import { mostSampled, tickMs } from './wire.ts'
import type { PreparedContexts, ScriptMessage, ScriptPlan } from './wire.ts'

/** What k6 looks for in a script; the entry file exports these under the same names. */
export interface Script {
  options: Options
  setup: () => void
  play: () => void
  clock: () => void
  teardown: () => void
  handleSummary: (data: K6Summary) => Record<string, string>
}

/** Runs inside k6, once for each virtual user: plays the journeys of the plan at its rate, and measures. */
export function interpret(plan: ScriptPlan, journeys: readonly Journey[]): Script {
  // oxlint-disable-next-line no-console -- the only way out of k6 while it runs
  const say = (message: ScriptMessage): void => console.error(`${plan.nonce} ${JSON.stringify(message)}`)
  return {
    // k6 reads the options of virtual user 0, which plays nothing; making them is not free.
    options: __VU === 0 ? optionsOf(plan) : {},
    setup: () => say({ say: 'started' }),
    play: iterationOf(plan, prepareJourneys(plan, journeys, say), say),
    clock: tick,
    teardown: () => say({ say: 'ended' }),
    handleSummary: (data) => ({ [plan.summaryFile]: JSON.stringify(summaryOf(plan, data)) }),
  }
}

/** One tick of the clock that shows whether k6 gets the time it needs: a virtual user that waits for nothing but the time. */
function tick(): void {
  const { instance } = exec
  const beganMs = instance.currentTestRunDuration
  sleep(tickMs / 1000)
  lateness.add(instance.currentTestRunDuration - beganMs - tickMs)
}

interface VirtualUser {
  scenario: typeof exec.scenario
  identity: number
  /** The part of `unique` that all of its iterations share. */
  uniqueStart: string
  /** What the `before` steps saved, by place in the mix; undefined where there is nothing. */
  saved: (Record<string, unknown> | undefined)[]
}

/** What a virtual user does each time k6 has it begin: one journey of the mix. */
function iterationOf(
  plan: ScriptPlan,
  journeys: PreparedJourney[],
  say: (message: ScriptMessage) => void,
): () => void {
  const play = playerOf(plan, journeys, say)
  const contexts = contextsOf(plan)
  const { cycle, sampleEvery } = plan
  let self: VirtualUser | undefined
  let measured = false
  return () => {
    self ??= begin(plan, journeys, contexts)
    // The clock is asked until it has told once that the measurement has begun.
    measured ||= beginsMeasured(self, plan)
    const iteration = self.scenario.iterationInTest
    const chosen = cycle[iteration % cycle.length] ?? 0
    const journey = journeys[chosen]
    if (journey === undefined) return
    const sample = measured && iteration % sampleEvery === 0 ? [] : undefined
    play(journey, contextOf(self, chosen, iteration), measured, sample)
    if (sample?.length) say({ say: 'sample', latenciesMs: sample.slice(0, mostSampled) })
  }
}

/** Whether this iteration belongs to the measurement; if so, the rest of this virtual user's do too. */
function beginsMeasured({ scenario }: VirtualUser, plan: ScriptPlan): boolean {
  if (sinceMeasured(plan, scenario) < 0) {
    warmups.add(1)
    return false
  }
  exec.vu.metrics.tags['phase'] = 'measure'
  return true
}

/** Once for each virtual user: k6 makes these objects anew each time they are asked for, which is dear. */
function begin(
  plan: ScriptPlan,
  journeys: readonly PreparedJourney[],
  contexts: PreparedContexts[] | undefined,
): VirtualUser {
  const identity = (exec.vu.idInTest - 1) % plan.users
  const all = contexts?.[0]
  const uniqueStart = startContext(plan.run, identity, 0).unique.slice(0, -1)
  return {
    scenario: exec.scenario,
    identity,
    uniqueStart,
    saved: journeys.map(({ name }) => all?.[name]?.[identity]),
  }
}

/** As `startContext` makes it, but with its constant parts made once: they are half of its cost. */
function contextOf(
  { identity, uniqueStart, saved }: VirtualUser,
  journey: number,
  iteration: number,
): Context {
  const own = { user: identity, iteration, unique: uniqueStart + iteration }
  const prepared = saved[journey]
  return prepared === undefined ? own : { ...prepared, ...own }
}

/** What the `before` steps saved: one copy for all virtual users, which k6 keeps in a shared array of one element. */
function contextsOf(plan: ScriptPlan): PreparedContexts[] | undefined {
  const file = plan.contextsFile
  if (file === undefined) return undefined
  return new SharedArray<PreparedContexts>('contexts', () => [JSON.parse(open(file))])
}
