import { setTimeout as pause } from 'node:timers/promises'
import { attemptPush } from '../reports/pushgateway/attempt.ts'
import type { Push } from '../reports/pushgateway/attempt.ts'
import { defaultPushLimits } from '../reports/pushgateway/index.ts'
import { reasonOf } from '../reports/pushgateway/reason.ts'

/** Pushes a registry within the limits that pushes of runs have. Returns why that failed, in one line without secrets. */
export async function pushRegistry(push: Push, limits = defaultPushLimits): Promise<string | undefined> {
  const deadline = performance.now() + limits.totalMs
  let failure: unknown
  for (const pauseMs of [0, ...limits.pausesMs]) {
    const left = deadline - performance.now() - pauseMs
    if (left <= 0) break
    await pause(pauseMs, undefined, { signal: push.signal }).catch(() => undefined)
    const result = await attemptPush({ ...push, url: push.url.replace(/\/+$/, '') }, Math.min(limits.attemptMs, left))
    if (result.state === 'pushed') return undefined
    failure = result.error
    if (result.final) break
  }
  return reasonOf(failure, push.url)
}
