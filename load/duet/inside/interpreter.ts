import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import type { Options } from 'k6/options'
import { startContext } from '../../../journeys/interpret.ts'
import type { Journey } from '../../../journeys/journey.ts'
import { play } from './player.ts'
import { pairOf, sideOf } from './sides.ts'
import { mostText } from './wire.ts'
import type { DuetContexts, DuetMessage, DuetPlan } from './wire.ts'

/** What k6 looks for in a script; the entry file exports these under the same names. */
export interface DuetScript {
  options: Options
  setup: () => void
  duet: () => void
  /** k6 would print its own at the end, which nobody reads. */
  handleSummary: () => Record<string, string>
}

/**
 * Runs inside k6, once for each virtual user. One scenario: two side by side would fire at the same instants, one always
 * behind the other. Every journey played is told at once, so that whoever listens can stop as soon as he is sure.
 */
export function interpret(plan: DuetPlan, journeys: readonly Journey[]): DuetScript {
  // oxlint-disable-next-line no-console -- the only way out of k6 while it runs
  const say = (message: DuetMessage): void => console.error(`${plan.nonce} ${JSON.stringify(message)}`)
  const chosen = plan.journeys.map((name) => {
    const journey = journeys.find((known) => known.name === name)
    if (journey === undefined) throw new Error(`journey ${name} is not in the journeys module`)
    return journey
  })
  const contexts = new SharedArray<DuetContexts>('contexts', () => [JSON.parse(open(plan.contextsFile))])
  return {
    options: optionsOf(plan),
    setup: () => say({ started: true }),
    handleSummary: () => ({}),
    duet: () => {
      const arrival = exec.scenario.iterationInTest
      const pair = pairOf(arrival)
      const at = plan.cycle[pair % plan.cycle.length] ?? 0
      const journey = chosen[at]
      if (journey === undefined) return
      const side = sideOf(plan.seed, arrival)
      const { address, run } = plan.sides[side]
      const user = pair % plan.users
      const beganMs = exec.instance.currentTestRunDuration
      const { steps, problem } = play(
        journey,
        address,
        startContext(run, user, pair, contexts[0]?.[side][journey.name]?.[user]),
        plan.requestTimeoutMs,
        (misused) => say({ misused }),
      )
      const endedMs = exec.instance.currentTestRunDuration
      say({
        played:
          problem === undefined
            ? [arrival, at, beganMs, endedMs, steps]
            : [arrival, at, beganMs, endedMs, steps, problem.slice(0, mostText)],
      })
    },
  }
}

function optionsOf(plan: DuetPlan): Options {
  return {
    scenarios: {
      duet: {
        executor: 'constant-arrival-rate',
        exec: 'duet',
        duration: `${plan.durationMs}ms`,
        gracefulStop: `${plan.requestTimeoutMs}ms`,
        // k6 takes whole numbers only.
        rate: Math.max(1, Math.round(plan.pairsPerSecond * 2000)),
        timeUnit: '1000s',
        preAllocatedVUs: plan.preAllocated,
        maxVUs: plan.maxUsers,
      },
    },
    systemTags: ['scenario'],
    discardResponseBodies: true,
    maxRedirects: 0,
    userAgent: '',
    throw: false,
  }
}
