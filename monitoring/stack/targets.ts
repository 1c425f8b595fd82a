import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { toOneLine } from '../../record/index.ts'

/** What Prometheus says of something that it scrapes. */
export interface Target {
  job: string
  url: string
  health: 'up' | 'down' | 'unknown'
  /** Why it is not up; empty when it is. */
  error: string
}

const answer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        labels: z.object({ job: z.string() }),
        scrapeUrl: z.string(),
        health: z.enum(['up', 'down', 'unknown']),
        lastError: z.string(),
      }),
    ),
  }),
})

const askTimeoutMs = 5000
const pauseMs = 200

/** All that Prometheus scrapes; undefined when it does not answer. */
export async function targetsOf(prometheusUrl: string, signal: AbortSignal): Promise<Target[] | undefined> {
  try {
    const response = await fetch(new URL('/api/v1/targets?state=active', prometheusUrl), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]),
    })
    return answer
      .parse(await response.json())
      .data.activeTargets.map(({ labels, scrapeUrl, health, lastError }) => ({
        job: labels.job,
        url: scrapeUrl,
        health,
        error: toOneLine(lastError, 300),
      }))
  } catch {
    return undefined
  }
}

/** Waits until every one of them is up, or time is up; returns what Prometheus said last. `expected`: how many there have to be. */
export async function waitForTargets(
  prometheusUrl: string,
  expected: number,
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<Target[]> {
  const deadline = performance.now() + limits.timeoutMs
  for (let last: Target[] = []; ;) {
    last = (await targetsOf(prometheusUrl, limits.signal)) ?? last
    const done = last.length >= expected && last.every(({ health }) => health === 'up')
    if (done || limits.signal.aborted || performance.now() > deadline) return last
    await sleep(pauseMs, undefined, { signal: limits.signal }).catch(() => undefined)
  }
}
