import { setTimeout as pause } from 'node:timers/promises'
import type { RunReport } from '../../reports/input.ts'
import { registryOf, runFamilies } from '../../reports/prometheus/index.ts'
import { attemptPush, interrupted } from './attempt.ts'
import type { Push } from './attempt.ts'
import { groupingOf } from './grouping.ts'
import { reasonOf } from './reason.ts'

export interface PushRequest extends RunReport {
  url: string
  limits?: PushLimits
  /** Aborted: the push ends at once, as a failed one. */
  signal?: AbortSignal
}

export interface PushLimits {
  /** For all attempts and the pauses between them. */
  totalMs: number
  /** For one attempt. */
  attemptMs: number
  /** Before each further attempt; as many attempts follow the first as there are pauses. */
  pausesMs: readonly number[]
}

/** Five seconds at most, two retries: a Pushgateway that is down must not hold up a release. */
export const defaultPushLimits: PushLimits = { totalMs: 5000, attemptMs: 2000, pausesMs: [150, 450] }

export type PushResult =
  | { state: 'pushed'; attempts: number }
  /** One line, without credentials. */
  | { state: 'failed'; attempts: number; reason: string }

/**
 * Puts a run's metrics in the place of its group's earlier ones on a Pushgateway. Never throws and never takes longer
 * than its limits; that it failed is a value, since it changes nothing about the run.
 */
export async function pushRun({
  url,
  limits = defaultPushLimits,
  signal = new AbortController().signal,
  ...report
}: PushRequest): Promise<PushResult> {
  return putGroup(url, limits, () => ({
    registry: registryOf(runFamilies([report])),
    grouping: groupingOf(report.run),
    signal,
  }))
}

/** Puts a registry in the place of a group, within the same limits; never throws either. */
export async function pushRegistry(
  { url, ...group }: Push,
  limits: PushLimits = defaultPushLimits,
): Promise<PushResult> {
  return putGroup(url, limits, () => group)
}

async function putGroup(
  url: string,
  limits: PushLimits,
  group: () => Omit<Push, 'url'>,
): Promise<PushResult> {
  const protocol = URL.parse(url)?.protocol
  if (protocol !== 'http:' && protocol !== 'https:')
    return {
      state: 'failed',
      attempts: 0,
      reason: reasonOf('expected the http:// or https:// address of a Pushgateway', url),
    }
  try {
    return await attempts({ ...group(), url: withoutQuery(url) }, limits, url)
  } catch (error) {
    return { state: 'failed', attempts: 0, reason: reasonOf(error, url) }
  }
}

async function attempts(push: Push, limits: PushLimits, url: string): Promise<PushResult> {
  const deadline = performance.now() + limits.totalMs
  let failure: unknown
  let made = 0
  for (const pauseMs of [0, ...limits.pausesMs]) {
    const left = deadline - performance.now() - pauseMs
    if (left <= 0) break
    // An abort during a pause is seen by the attempt that follows.
    await pause(pauseMs, undefined, { signal: push.signal }).catch(() => undefined)
    const result = await attemptPush(push, Math.min(limits.attemptMs, left))
    if (result !== interrupted) made += 1
    if (result.state === 'pushed') return { state: 'pushed', attempts: made }
    failure = result.error
    if (result.final) break
  }
  return {
    state: 'failed',
    attempts: made,
    reason: `${reasonOf(failure, url)} (${made} ${made === 1 ? 'attempt' : 'attempts'})`,
  }
}

// prom-client adds its path to the end of the address as it is written; a slash at the end or a query would come between.
function withoutQuery(url: string): string {
  const parsed = new URL(url)
  parsed.search = ''
  parsed.hash = ''
  return parsed.href.replace(/\/+$/, '')
}
