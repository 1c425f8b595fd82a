import type { Options } from 'k6/options'
import { metricNames, percentileName, quantileGrid, requestFailureClasses, startedLate } from './wire.ts'
import type { ScriptPlan } from './wire.ts'

/**
 * k6's options for a plan, and the figures we read. Warm-up and measurement are one scenario, so that what is measured
 * finds virtual users and connections that are warm, and are told apart by time.
 */
export function optionsOf(plan: ScriptPlan): Options {
  const drainMs = startedLate.drainMs + plan.requestTimeoutMs + startedLate.marginMs
  return {
    scenarios: {
      load: {
        executor: 'constant-arrival-rate',
        exec: 'play',
        duration: `${plan.warmupMs + plan.durationMs}ms`,
        // What has begun is let end, so that nothing of it is missing from the counts or left behind on the target.
        gracefulStop: `${drainMs}ms`,
        ...arrivalRate(plan.ratePerSecond),
        preAllocatedVUs: plan.preAllocated,
        maxVUs: plan.maxUsers,
      },
      clock: {
        executor: 'constant-vus',
        exec: 'clock',
        vus: 1,
        startTime: `${plan.warmupMs}ms`,
        duration: `${plan.durationMs}ms`,
        gracefulStop: `${startedLate.marginMs}ms`,
      },
    },
    // A threshold is what makes k6 keep a sub-metric; these always hold.
    thresholds: {
      [metricNames.iterations]: ['max>=0'],
      ...Object.fromEntries(countedApart(plan).map((metric) => [metric, ['count>=0']])),
    },
    summaryTrendStats: ['count', 'avg', 'min', 'max', ...quantileGrid().map(percentileName)],
    // We time, class and count requests ourselves; tags that nobody reads would cost k6 a quarter of its speed.
    systemTags: ['scenario'],
    discardResponseBodies: true,
    maxRedirects: 0,
    userAgent: '',
    throw: false,
  }
}

function countedApart(plan: ScriptPlan): string[] {
  const failures = plan.steps.flatMap((_, step) => [
    metricNames.unansweredAt(step),
    ...requestFailureClasses.map((failure) => metricNames.failedAt(step, failure)),
  ])
  return failures
}

// k6 takes whole numbers only: a rate of 0.5/s is 500 in 1,000 s.
function arrivalRate(ratePerSecond: number): { rate: number; timeUnit: string } {
  if (Number.isInteger(ratePerSecond)) return { rate: ratePerSecond, timeUnit: '1s' }
  return { rate: Math.max(1, Math.round(ratePerSecond * 1000)), timeUnit: '1000s' }
}
