import { sleep } from 'k6'
import crypto from 'k6/crypto'
import exec from 'k6/execution'
import { Trend } from 'k6/metrics'
import type { Options } from 'k6/options'
import type { Journey } from '../../../../journeys/index.ts'
import { divideLoad } from '../../../shards/shards.ts'
import { formatFrames } from './frames.ts'
import { createDuetIteration, createLoadIteration } from './iterations.ts'
import {
  metricNames,
  percentileName,
  quantileGrid,
  requestFailureClasses,
  shardFormat,
  summarize,
} from './metrics.ts'
import type { K6Summary } from './metrics.ts'
import { lateRequests, runnerVariable, tickMs } from './wire.ts'
import type { LoadScriptPlan, ScriptMessage, ScriptPlan } from './wire.ts'

/** What k6 looks for in a script; the entry file exports these under the same names. */
export interface Script {
  options: Options
  setup: () => void
  play: () => void
  clock: () => void
  handleSummary: (data: K6Summary) => Record<string, string>
}

/** Runs inside k6, once for each virtual user: the script of a load or of a duet. */
export function createScript(given: ScriptPlan, journeys: readonly Journey[]): Script {
  const plan = given.kind === 'load' ? findShard(given) : given
  // oxlint-disable-next-line no-console -- the only way out of k6 while it runs
  const report = (message: ScriptMessage): void => console.error(`${plan.nonce} ${JSON.stringify(message)}`)
  return {
    // k6 reads the options of virtual user 0, which plays nothing; computing them takes time.
    options: __VU === 0 ? createOptions(plan) : {},
    setup: () => {
      const shard = plan.kind === 'load' ? plan.shard : undefined
      report({
        type: 'started',
        ...(shard && { shard: shard.name, clockMs: Date.now() }),
        ...(plan.kind === 'load' && plan.runners && { segment: readSegment() }),
      })
    },
    play:
      plan.kind === 'load'
        ? createLoadIteration(plan, journeys, report)
        : createDuetIteration(plan, journeys, report),
    clock: plan.kind === 'load' ? createClock() : () => undefined,
    // Without one, k6 would print its own summary, which is not read.
    handleSummary: (data) => (plan.kind === 'load' ? writeSummary(plan, data) : {}),
  }
}

/** A runner's shard, by the number at the end of its name. */
function findShard(plan: LoadScriptPlan): LoadScriptPlan {
  const { runners } = plan
  if (runners === undefined) return plan
  const { shards, sequence } = divideLoad({ run: '', plan: runners.plan, format: shardFormat }, runners.of)
  const number = Number(/\d+$/.exec(__ENV[runnerVariable] ?? '')?.[0])
  // k6 reads the script before it runs too, where nothing has a number.
  const shard = shards[number - 1] ?? { name: 'shard-0', segment: '0:1' }
  return { ...plan, shard: { ...shard, sequence, ...runners } }
}

/** The segment that this k6 was started with: whether it is the shard's own is seen from outside. */
function readSegment(): string {
  const segment: unknown = exec.test.options.executionSegment
  return typeof segment === 'string' ? segment : ''
}

/** Into its file, or for a runner into the log of its pod. */
function writeSummary(plan: LoadScriptPlan, data: K6Summary): Record<string, string> {
  const text = JSON.stringify(summarize(plan, data))
  if (plan.runners === undefined) return { [plan.summaryFile]: text }
  return {
    stdout: formatFrames(plan.nonce, plan.shard?.name ?? 'none', text, crypto.sha256(text, 'hex')),
  }
}

/**
 * A virtual user that only waits for the time: each iteration is a tick, and its lateness shows whether k6
 * gets the CPU it needs.
 */
function createClock(): () => void {
  const lateness = new Trend(metricNames.lateness)
  return () => {
    const { instance } = exec
    const beganMs = instance.currentTestRunDuration
    sleep(tickMs / 1000)
    lateness.add(instance.currentTestRunDuration - beganMs - tickMs)
  }
}

function createOptions(plan: ScriptPlan): Options {
  return {
    ...(plan.kind === 'load' ? loadOptions(plan) : duetOptions(plan)),
    // Requests are timed, classified and counted by our script; tags that nothing reads would cost k6 a
    // quarter of its speed.
    systemTags: ['scenario'],
    discardResponseBodies: true,
    maxRedirects: 0,
    throw: false,
  }
}

/**
 * Warm-up and measurement are one scenario, so that what is measured finds virtual users and connections that
 * are warm; time separates them.
 */
function loadOptions(plan: LoadScriptPlan): Options {
  const { drainMs, marginMs } = lateRequests
  return {
    scenarios: {
      load: {
        executor: 'constant-arrival-rate',
        exec: 'play',
        duration: `${plan.warmupMs + plan.durationMs}ms`,
        // Iterations that have begun may end, so that nothing of them is missing from the counts or left
        // behind on the target.
        gracefulStop: `${drainMs + plan.requestTimeoutMs + marginMs}ms`,
        ...toArrivalRate(plan.ratePerSecond),
        preAllocatedVUs: plan.preAllocated,
        maxVUs: plan.maxUsers,
      },
      clock: {
        executor: 'constant-vus',
        exec: 'clock',
        // One in each shard: k6 divides them as it divides the arrivals.
        vus: plan.shard?.of ?? 1,
        startTime: `${plan.warmupMs}ms`,
        duration: `${plan.durationMs}ms`,
        gracefulStop: `${marginMs}ms`,
      },
    },
    // A threshold makes k6 keep a sub-metric; these always hold.
    thresholds: {
      [metricNames.iterations]: ['max>=0'],
      ...Object.fromEntries(subMetrics(plan).map((metric) => [metric, ['count>=0']])),
    },
    summaryTrendStats: ['count', 'avg', 'min', 'max', ...quantileGrid().map(percentileName)],
  }
}

function subMetrics(plan: LoadScriptPlan): string[] {
  return plan.steps.flatMap((_, step) => [
    metricNames.unansweredAt(step),
    ...requestFailureClasses.map((failure) => metricNames.failedAt(step, failure)),
  ])
}

/**
 * One scenario for both sides: two scenarios would start iterations at the same instants, one always after
 * the other.
 */
function duetOptions(plan: ScriptPlan): Options {
  return {
    scenarios: {
      load: {
        executor: 'constant-arrival-rate',
        exec: 'play',
        duration: `${plan.durationMs}ms`,
        gracefulStop: `${plan.requestTimeoutMs}ms`,
        ...toArrivalRate(plan.ratePerSecond * 2),
        preAllocatedVUs: plan.preAllocated,
        maxVUs: plan.maxUsers,
      },
    },
  }
}

// k6 takes whole numbers only: a rate of 0.5/s is 500 in 1,000 s.
function toArrivalRate(ratePerSecond: number): { rate: number; timeUnit: string } {
  if (Number.isInteger(ratePerSecond)) return { rate: ratePerSecond, timeUnit: '1s' }
  return { rate: Math.max(1, Math.round(ratePerSecond * 1000)), timeUnit: '1000s' }
}
