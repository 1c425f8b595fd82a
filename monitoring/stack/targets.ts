import { z } from 'zod'
import { toOneLine } from '../../record/index.ts'

/** A target of Prometheus, with what Prometheus reports of it. */
export interface Target {
  job: string
  url: string
  health: 'up' | 'down' | 'unknown'
  /** Why it is not up; empty when it is. */
  error: string
}

const targetsAnswer = z.object({
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

const requestTimeoutMs = 5000

/** All targets of Prometheus; undefined when it does not answer. */
export async function readTargets(prometheusUrl: string, signal: AbortSignal): Promise<Target[] | undefined> {
  try {
    const response = await fetch(new URL('/api/v1/targets?state=active', prometheusUrl), {
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]),
    })
    return targetsAnswer
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
